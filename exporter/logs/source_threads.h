// Sources on threads of their own, so that storage that hangs (a disk, NFS) costs its own channels alone.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "exporter/logs/sources/source.h"

namespace fencewatch {

// The reading thread asks, waits for kPatience and goes on with the other sources; what a late call has read is handed on by the first
// read() after it is back. Code::stuck: it has not been back for kStuck. The call is then left to its thread, and open() says stuck until
// it ends.
class SourceThreads {
 public:
  static constexpr int kThreads = 4;  // as many may hang before others wait for them
  static constexpr std::chrono::milliseconds kPatience{500};
  static constexpr std::chrono::seconds kStuck{5};

  using Make = std::function<std::unique_ptr<Source>()>;

  explicit SourceThreads(std::chrono::milliseconds patience = kPatience, std::chrono::milliseconds stuck = kStuck);
  ~SourceThreads();  // as stop()
  SourceThreads(const SourceThreads&) = delete;

  void start();  // after memory::prepare(), before memory::lock(); until then the caller's thread does the work
  bool stop(std::chrono::milliseconds patience);  // false: a thread hangs and was left

  // What `make` makes, which happens on these threads as well, when it is opened. Used by one thread. May outlive this.
  std::unique_ptr<Source> source(std::string name, Make make);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // the threads have their share
};

}  // namespace fencewatch
