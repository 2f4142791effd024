// The door: TLS, users, a rate, IPv6, several addresses and sockets from systemd, in front of a server that knows none of these.
//
// One thread and one epoll for all connections; what is slow has threads of its own (passwords: Users; files: WebSource). It reads the
// head of a request, decides, and hands it on in a form of its own over one of kLanes connections through the Gate; the answer goes back
// through a buffer of fixed size. There are at most kClients connections. When there is no room, the oldest that has not yet asked
// anything sensible makes room, but not in its first moments: so a flood of connections that never come to the point delays others, and
// cannot keep them out.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "exporter/web/door_parts.h"
#include "exporter/web/loopback_filter.h"
#include "exporter/web/http_metrics.h"
#include "exporter/web/users.h"
#include "exporter/web/web_source.h"

namespace fencewatch {

class Front {
 public:
  struct Inner {
    int listener;  // on 127.0.0.1:port
    int port;
  };
  // `listeners` are taken, `web` and `metrics` must outlive the Front. Throws std::runtime_error.
  Front(std::vector<int> listeners, Inner inner, const WebSource& web, bool health_open, HttpMetrics& metrics);
  ~Front();  // stop()
  Front(const Front&) = delete;

  void close();                              // nothing new is answered
  void stop();                               // close(), and waits for the answers under way, some seconds
  bool knows(int source_port) const;         // one of the lanes comes from there
  void ping();                               // asks for a sign of life
  uint64_t pongs() const { return pongs_; }  // rises after each
  void render(Page& page) const;             // families()

  static std::span<const Family> families();

 private:
  using Clock = std::chrono::steady_clock;
  using Client = front::Client;
  using Lane = front::Lane;
  enum class Lost : uint8_t { full, timeout, tls };
  static constexpr size_t kClients = 256;
  static constexpr size_t kLanes = 11;  // of the server's workers one stays free, so that it never has to look for idle connections

  void run();
  void event(uint64_t tag, uint32_t events);
  void add(int fd, uint64_t tag, uint32_t events) const;
  void watch(Client& client, uint32_t events);
  void watch(Lane& lane, uint32_t events);
  // front.cc: who comes and who goes
  void accept(int listener);
  bool make_room();
  void pause(bool paused);
  void drop(Client& client);
  void drop(Client& client, Lost reason);
  void sweep();
  bool late(Client& client);
  bool busy() const;
  // front_requests.cc: what a client says, and what the front itself answers
  void client_event(Client& client, uint32_t events);
  void wait(Client& client, Stream::Io io);
  void read(Client& client);
  void request(Client& client);
  int refusal(Client& client);
  void go_on(Client& client);
  void next_request(Client& client);
  void answer(Client& client, int code, std::string_view text = {});
  void write_answer(Client& client);
  void hear_users();
  bool take_token(const WebConfig& config);
  // front_exchange.cc: the lanes
  void exchange(Client& client);
  void begin(Lane& lane, Client& client);
  void lane_event(Lane& lane);
  void send_request(Lane& lane);
  void read_head(Lane& lane);
  void relay(Lane& lane);
  void finish(Lane& lane);
  void fail(Lane& lane);
  void close(Lane& lane);
  void serve_waiting();

  std::vector<int> listeners_;
  const WebSource& web_;
  const bool health_open_;
  HttpMetrics& metrics_;
  Gate gate_;
  const int epoll_;
  const int wake_;
  std::array<std::unique_ptr<Client>, kClients> clients_;
  std::array<Lane, kLanes> lanes_;
  uint32_t generation_ = 0;
  Clock::time_point now_;
  Clock::time_point next_sweep_;
  int64_t most_ = 0;     // connections since memory was last given back
  bool paused_ = false;  // the listeners are not looked at
  double tokens_ = -1;   // of the rate; negative: not begun
  Clock::time_point refilled_;

  std::atomic<uint64_t> pongs_{0};
  std::atomic<int64_t> connections_{0};
  std::array<std::atomic<uint64_t>, 3> lost_{};
  std::atomic<bool> closing_ = false;
  std::atomic<bool> ending_ = false;
  std::unique_ptr<Users> users_;
  std::thread thread_;
};

}  // namespace fencewatch
