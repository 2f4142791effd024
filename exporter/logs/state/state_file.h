// The state directory: read once at the start, written by a thread of its own, because a disk that hangs must not hold up the reading.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "exporter/base/status.h"
#include "exporter/logs/state/snapshot.h"

namespace fencewatch {

// Written whole to a temporary file, synced, renamed: after a crash at any moment the file is that of an earlier put().
class StateFile {
 public:
  // `retry`: after how long a failed write is tried again.
  explicit StateFile(std::string directory, std::chrono::milliseconds retry = std::chrono::seconds(10));
  ~StateFile();  // as stop()
  StateFile(const StateFile&) = delete;

  // Makes the directory where it is missing and locks it (flock, until the process ends). Code::missing: there is no state yet.
  // Code::refused: another process keeps its state there; put() then does nothing. Code::malformed and Code::limit: what was there,
  // damaged, larger than 4 MiB or of a newer version, is kept beside as state.refused. Other faults: of the directory or the file, and the
  // next put() will try to replace it. Before start().
  Status load(Snapshot& out);

  void start();  // the writing thread; after memory::prepare(), before memory::lock()

  // `text` is to_text() of that instant. Returns at once; of several that wait the last is written. What cannot be written is told
  // once, kept and tried again.
  void put(std::string text, int64_t time_us);
  bool busy() const;  // something waits to be written

  // Writes what waits. False: the disk did not come back in time, the thread was left there.
  bool stop(std::chrono::milliseconds patience = std::chrono::seconds(3));

  int64_t saved_us() const;  // time_us of what the file holds; 0: nothing was written or read yet

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // the thread has its share
};

}  // namespace fencewatch
