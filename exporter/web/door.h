// The one door: every listener is its own, plain or TLS, IPv4 or IPv6, one address or several, sockets from systemd; the server behind it
// is reached by nobody else.
//
// One thread and one epoll for all connections; what is slow has threads of its own (passwords: Users; files: WebSource). It reads the
// head of a request, decides, and hands it on in a form of its own over one of kUpstreams connections through the LoopbackFilter; the
// answer goes back through a buffer of fixed size. A client that is slow to take it holds no upstream: the rest is kept for it, within
// bounds, and who is slowest goes first. There are at most kClients connections. When there is no room, or no descriptor, the oldest that
// has not yet asked anything sensible makes room, but not in its first moments: so a flood of connections that never come to the point
// delays others, and cannot keep them out.
//
// Nothing is thrown out of its thread: what memory was missing for is one connection, which is lost and counted.
#pragma once

#include <sys/epoll.h>

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
#include "exporter/web/http_metrics.h"
#include "exporter/web/loopback_filter.h"
#include "exporter/web/users.h"
#include "exporter/web/web_source.h"

namespace fencewatch {

class Door {
 public:
  struct Inner {
    int listener;  // on 127.0.0.1:port
    int port;
  };
  // `listeners` are taken, `web` and `metrics` must outlive the Door. Throws std::runtime_error.
  Door(std::vector<int> listeners, Inner inner, const WebSource& web, bool health_open, HttpMetrics& metrics);
  ~Door();  // stop()
  Door(const Door&) = delete;

  void close();                              // nothing new is answered
  void stop();                               // close(), and waits for the answers under way, some seconds
  bool knows(int source_port) const;         // one of the upstreams comes from there
  void ping();                               // asks for a sign of life
  uint64_t pongs() const { return pongs_; }  // rises after each
  void write(Page& page) const;              // families()

  static std::span<const Family> families();

 private:
  using Clock = std::chrono::steady_clock;
  using Client = door::Client;
  using Upstream = door::Upstream;
  enum class Lost : uint8_t { full, timeout, tls, memory };
  static constexpr size_t kClients = 256;
  static constexpr size_t kUpstreams = 11;       // of the server's workers one stays free, for strangers
  static constexpr size_t kMostRests = 4 << 20;  // bytes that are kept for slow clients

  void run() noexcept;
  void turn(const epoll_event& event);
  void event(uint64_t tag, uint32_t events);
  void abandon(uint64_t tag);
  void add(int fd, uint64_t tag, uint32_t events) const;
  void watch(Client& client, uint32_t events);
  void watch(Upstream& upstream, uint32_t events);
  // door.cc: who comes and who goes
  void accept(int listener);
  bool make_room();
  void pause();
  void unpause();
  void listen_for(uint32_t events);
  void drop(Client& client);
  void drop(Client& client, Lost reason);
  void sweep();
  bool late(Client& client);
  bool busy() const;
  // door_requests.cc: what a client says, and what the door itself answers
  void client_event(Client& client, uint32_t events);
  void wait(Client& client, Stream::Io io);
  void read(Client& client);
  void request(Client& client);
  int refusal(Client& client);
  void go_on(Client& client);
  void next_request(Client& client);
  void answer(Client& client, int code, std::string_view text = {});
  void write_answer(Client& client);
  bool speaks_plainly(Client& client);
  void hear_users();
  bool take_token(const WebConfig& config);
  // door_exchange.cc: the upstreams
  void exchange(Client& client);
  void begin(Upstream& upstream, Client& client);
  void upstream_event(Upstream& upstream);
  void send_request(Upstream& upstream);
  void read_head(Upstream& upstream);
  void relay(Upstream& upstream);
  bool keep_rest(Upstream& upstream);
  bool make_room_for_rest(size_t size);
  void forget_rest(Client& client);
  void take(Client& client);
  void part(Upstream& upstream);
  void release(Upstream& upstream);
  void finish(Upstream& upstream);
  void fail(Upstream& upstream);
  void close(Upstream& upstream);
  void serve_waiting();

  std::vector<int> listeners_;
  const WebSource& web_;
  const bool health_open_;
  HttpMetrics& metrics_;
  LoopbackFilter filter_;
  const int epoll_;
  const int wake_;
  std::array<std::unique_ptr<Client>, kClients> clients_;
  std::array<Upstream, kUpstreams> upstreams_;
  uint32_t generation_ = 0;
  Clock::time_point now_;
  Clock::time_point next_sweep_;
  int64_t most_ = 0;     // connections since memory was last given back
  bool paused_ = false;  // the listeners are not looked at
  Clock::time_point paused_until_;
  size_t rests_ = 0;    // bytes of all slow clients
  double tokens_ = -1;  // of the rate; negative: not begun
  Clock::time_point refilled_;

  std::atomic<uint64_t> pongs_{0};
  std::atomic<int64_t> connections_{0};
  std::array<std::atomic<uint64_t>, 4> lost_{};
  std::atomic<bool> closing_ = false;
  std::atomic<bool> ending_ = false;
  std::unique_ptr<Users> users_;
  std::thread thread_;
};

}  // namespace fencewatch
