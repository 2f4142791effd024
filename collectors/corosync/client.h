// What the clients of corosync's daemon have in common: its libraries, opened at run time so that one binary runs on nodes without
// corosync and beside the host's own version; what its errors mean; how long to leave it alone after one.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "exporter/base/status.h"

namespace fencewatch {

// cs_error_t of corosync/corotypes.h, those that we tell apart.
enum class CsError : int {
  ok = 1,
  library = 2,  // nobody answers, or the rings in /dev/shm cannot be written
  try_again = 6,
  invalid_param = 7,
  no_memory = 8,
  bad_handle = 9,
  access = 11,
  not_exist = 12,
  no_space = 15,
  no_resources = 18,
  no_sections = 27,  // the end of an iteration
};

// Each of the known reasons has a Code of its own, for collector_failures_total{reason}.
Status status_of(CsError error);

// One of libcmap, libquorum, libvotequorum. Not thread safe.
class ClientLibrary {
 public:
  // `directory` may be empty: then, and after it, where the dynamic loader looks.
  ClientLibrary(const char* soname, std::string directory) : soname_(soname), directory_(std::move(directory)) {}
  ~ClientLibrary();
  ClientLibrary(const ClientLibrary&) = delete;

  Status open();  // does nothing when it is open
  template <class Function>
  Function* find(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  void* load(const std::string& path) const;
  void* symbol(const char* name) const;

  const char* const soname_;
  const std::string directory_;
  void* handle_ = nullptr;
};

// The longest that corosync took to answer any question since it was asked for. Measured around each call, for a stopped corosync may
// hold up any of them.
class AnswerTime {
 public:
  using Clock = std::chrono::steady_clock;

  template <class Call>
  auto measure(Call&& call) {
    const Clock::time_point before = Clock::now();
    const auto answer = call();
    longest_ = std::max(longest_, Clock::now() - before);
    return answer;
  }
  Clock::duration take() { return std::exchange(longest_, {}); }

 private:
  Clock::duration longest_{};
};

// When to try again. A refusal writes two lines into the host's log, so it counts for longer.
class Backoff {
 public:
  using Clock = std::chrono::steady_clock;

  bool due(Clock::time_point now) const { return now >= next_; }
  const Status& fault() const { return fault_; }  // the last one
  void failed(const Status& status, Clock::time_point now);
  void reset() { *this = {}; }

 private:
  Status fault_;
  std::chrono::seconds pause_{1};
  Clock::time_point next_{};
};

}  // namespace fencewatch
