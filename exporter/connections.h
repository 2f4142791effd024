// Keeps civetweb's workers free for those who ask something. civetweb gives every connection a worker until it ends, and takes up to
// twice request_timeout_ms to give up on half a request: a few dozen idle or dripping clients would wedge it. So one thread, asleep
// until every worker is taken, then shuts down connections that have kept theirs for longer than kPatience without a complete
// request (or without taking their answer). civetweb does not tell its sockets; they are found by peer address among our descriptors,
// and none can be closed and given away meanwhile because connection_close waits for the same mutex.
#pragma once

#include <netinet/in.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace fencewatch {

class Connections {
 public:
  static constexpr int kWorkers = 16;
  static constexpr auto kPatience = std::chrono::milliseconds(40);

  // One for each worker, held by it for the life of the server.
  struct Slot {
    in_addr_t peer = 0;
    in_port_t peer_port = 0;  // both in network order
    bool open = false;
    bool at_work = false;  // collecting: bounded, never shut down
    std::chrono::steady_clock::time_point since;
  };

  void start();
  void stop();  // the thread ends, and connections without a request at work are shut down

  Slot* hire();  // nullptr after kWorkers
  void opened(Slot& slot, const char* address, int port);
  void at_work(Slot& slot);
  void waiting(Slot& slot);  // for a request, or for the client to take its answer
  void closing(Slot& slot);

 private:
  using Lock = std::unique_lock<std::mutex>;
  void watch();
  void shut_down(std::chrono::steady_clock::duration patience);  // with mutex_ held

  std::mutex mutex_;
  std::condition_variable wake_;
  std::array<Slot, kWorkers> slots_;
  int hired_ = 0;
  int open_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fencewatch
