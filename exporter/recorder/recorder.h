// The last minutes of a node, second by second, on its own disk: what nobody could scrape any more when it was fenced.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "exporter/exposition/page.h"

namespace fencewatch {

struct Settings;
class Runner;
class LastBoot;

// A thread of its own writes what the Runner puts into a queue. It is an ordinary one, and whatever it hangs in costs nothing but records:
// neither side ever waits for the other.
class Recorder {
 public:
  // In `settings.state_dir`; every boot has another id.
  Recorder(const Settings& settings, const std::string& boot_id, Runner& runner);
  ~Recorder();  // as stop()
  Recorder(const Recorder&) = delete;

  void start();  // the thread; after memory::prepare(), before memory::lock()
  bool stop();   // what is in the queue is written; false: the disk hangs, and the thread was left there

  static std::span<const Family> families();
  static void write(const LastBoot& last_boot, Page& page);  // previous_boot_last_*

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // the thread has its share
};

}  // namespace fencewatch
