// What the exporter itself costs: always of the machine that it runs on, wherever the watched files are.
// proc(5) /proc/PID/stat and statm, getrusage(2), getrlimit(2).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

namespace fencewatch {

// Values that could not be read are absent.
struct ProcessUsage {
  double cpu_seconds = 0;
  uint64_t major_faults = 0;
  std::optional<uint64_t> resident_bytes;
  std::optional<uint64_t> virtual_bytes;
  std::optional<double> start_time;  // seconds since the epoch
  std::optional<uint64_t> open_files;
  std::optional<uint64_t> max_files;
  uint64_t threads = 0;       // now; 0: could not be read
  uint64_t late_threads = 0;  // at most at once beyond those that were there when memory was settled
};

// Keeps its files open, so that reading needs neither memory nor a new descriptor. Safe from any number of threads.
class Process {
 public:
  Process();
  ~Process();
  Process(const Process&) = delete;

  ProcessUsage read();

 private:
  std::optional<uint64_t> count_files();
  void count_threads(ProcessUsage& usage);

  std::mutex files_mutex_;  // the directory's read position is shared
  int statm_ = -1;
  int files_ = -1;
  int tasks_ = -1;
  std::atomic<uint64_t> settled_threads_{0};
  std::atomic<uint64_t> late_threads_{0};
  const std::optional<double> start_time_;
};

}  // namespace fencewatch
