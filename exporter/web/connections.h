// Keeps civetweb's workers free for those who ask something. civetweb gives every connection a worker until it ends, and takes up to
// twice request_timeout_ms to give up on half a request: a few dozen idle or dripping clients would wedge it. So one thread, asleep
// until every worker is taken, then shuts down the connections that have said nothing, or have not taken their answer, for longer
// than kPatience.
//
// civetweb does not tell which socket a worker serves. They are found among our descriptors: one with bytes to read still waits for a
// worker and is left alone, one without is idle or in the middle of its request. None can be closed and its number given away
// meanwhile, because every close waits for the same mutex.
//
// Bound (measured, 2 CPUs): with 1000 connections that each sent half a request, a scrape is answered within 1000 / kWorkers x
// (kPatience + a tick), about 3 s; with 200 clients that drip, within 1 s. Connections that send nothing stay in the kernel
// (TCP_DEFER_ACCEPT) and cost no worker.
#pragma once

#include <netinet/in.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace fencewatch {

class Connections {
 public:
  static constexpr int kWorkers = 12;  // civetweb gives each a stack of 100 KiB, of which 28 were used at most; locked it counts whole
  static constexpr auto kPatience = std::chrono::milliseconds(30);

  struct Peer {
    in_addr_t address = 0;
    in_port_t port = 0;  // both in network order
    bool operator==(const Peer&) const = default;
  };
  enum class State : uint8_t { reading, at_work, writing };  // at work: bounded elsewhere, never shut down

  // One for each worker, held by it for the life of the server.
  struct Slot {
    bool open = false;
    State state = State::reading;
    Peer peer;  // known from the first complete request on
    std::chrono::steady_clock::time_point since;
  };

  void start(std::vector<int> ports);
  void stop();  // the thread ends, and connections without a request at work are shut down

  Slot* hire();  // nullptr after kWorkers
  void opened(Slot& slot);
  void at_work(Slot& slot, const char* address, int port);
  void enter(Slot& slot, State state);
  void closing(Slot& slot);
  void closed();

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;
  // A socket that had nothing to read when we looked.
  struct Quiet {
    Peer peer;
    Clock::time_point since;
  };

  void watch();
  void shut_down(Lock& lock, Clock::duration patience);
  bool ours(int fd, Peer& peer) const;
  bool stale(int fd, const Peer& peer, Clock::time_point now, Clock::duration patience);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable all_closed_;
  std::vector<int> ports_;
  std::array<Slot, kWorkers> slots_;
  std::array<Quiet, 1024> quiet_;  // by descriptor: the lowest free number is given out, and we hold far fewer
  int hired_ = 0;
  int open_ = 0;
  int closing_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fencewatch
