// The reading thread: lines from the sources through the matcher to the collectors, and what was counted into the state file.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collect/collector.h"
#include "exporter/exposition/page.h"
#include "exporter/logs/channels.h"

namespace fencewatch {

class LogReader {
 public:
  struct Setup {
    LogSources sources;
    Boot boot;
    std::string state_directory;  // empty: nothing is kept
    std::chrono::milliseconds save_every{1000};
    // Told on the reading thread, when it changes, of what a listener wants to hear of and cannot; Code::ok: of nothing. `all`: it hears
    // nothing.
    std::function<void(size_t listener, Code fault, bool all)> fault = [](size_t, Code, bool) {};
  };
  struct Listener {
    std::string_view name;  // in the state file
    Collector* collector;
  };

  // The listeners outlive it, and its thread: leave the process with std::_Exit when stop() says that it is stuck. Restores what was
  // counted. Throws std::invalid_argument that names a pattern that cannot be used.
  LogReader(Setup setup, std::vector<Listener> listeners);
  ~LogReader();  // as stop()
  LogReader(const LogReader&) = delete;

  void read_all();  // to the end of what is there, on the calling thread, instead of start()

  void start();  // threads; after memory::prepare(), before memory::lock()
  // Saves; false when the thread is stuck in a source, or the disk in a write, and was left there.
  bool stop(std::chrono::milliseconds patience = std::chrono::seconds(3));

  void write(Page& page) const;  // log_* and state_*; from any thread, never waits for a source
  static std::span<const Family> families();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // the thread has its share
};

}  // namespace fencewatch
