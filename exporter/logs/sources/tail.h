// A log file that is followed by its name: through rename, copytruncate, deletion and re-creation, a directory moved away, and several
// rotations between two looks (rotation.h). What is read are bytes: NUL and invalid UTF-8 inside of a line are handed on.
//
// By polling, for inotify(7) tells nothing on NFS and of the lower layers of an overlayfs: a look costs two system calls while nothing
// happens.
//
// After a rename the old file is read on until its successor holds something: the daemon that writes reopens later than logrotate renames.
// A last line without a newline waits; when the successor begins in the middle of a line, they are one line.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "exporter/base/line_buffer.h"
#include "exporter/logs/sources/rotated_files.h"
#include "exporter/logs/sources/source.h"
#include "exporter/logs/sources/stderr_pairs.h"
#include "exporter/logs/sources/syslog.h"
#include "exporter/logs/sources/syslog_time.h"

namespace fencewatch {

struct TailOptions {
  std::shared_ptr<const Fd> root = nullptr;  // what `path` and absolute links are relative to; null: the root of this process
  std::optional<Channel> plain = {};         // every line is one of this channel, whatever it looks like
  bool from_start = false;                   // where there is no position: from the beginning of the file, not from its end
  std::chrono::seconds patience{60};         // the file is gone for as long: Code::missing
};

// Lost: "too_long", lines cut at LineBuffer::kMaxLine. What copytruncate takes away between logrotate's copy and its truncation nobody
// can count. What stands in a copy is read there. Compressed files, and those in another directory (`olddir`), are not searched.
class Tail final : public Source {
 public:
  explicit Tail(std::string path, TailOptions options = {});

  std::string_view name() const override { return name_.path; }
  Status open(std::string_view position) override;
  Status read(Sink& sink, size_t max, bool& more) override;
  int fd() const override { return -1; }
  int64_t written_us() const override { return files_.empty() ? 0 : files_.back().changed_ns / 1'000; }
  std::string position() const override { return mark_.text(); }

 private:
  Status look();
  bool belongs(std::string_view piece);
  void date_mark();
  void look_at_live();
  Status look_at_name();
  void remember_live(std::string head);
  bool was_truncated();
  void extend(rotation::File live);
  void resume(rotation::File live, bool truncated);
  void advance();
  bool successor_has_data();
  bool join_or_end(Sink& sink);
  void hand_on(const LineBuffer::Cut& cut, Sink* sink);
  void hand_on_plain(const LineBuffer::Cut& cut, Sink& sink);
  void tell_pairs();
  void hand_on_lines(Sink& sink, size_t max);
  void mark_front();
  void tell_rotations(Sink& sink);
  void remember_head();

  const rotation::Name name_;
  const TailOptions options_;
  std::deque<rotation::File> files_;  // the first is read, the last bears the name or bore it last; empty: closed
  LineBuffer buffer_;
  uint64_t at_ = 0;                              // in the first: read so far
  uint64_t carried_ = 0;                         // bytes that wait in the buffer for their newline and come from an earlier file
  bool drained_ = false;                         // the first was read to its end after its successor had something
  rotation::Mark mark_;                          // behind the last line that was handed on; in the first file unless something is carried
  std::string head_;                             // the first bytes of the first, as they were
  std::string live_head_;                        // of the last, when it was last looked at
  rotation::Mark live_mark_;                     // its beginning then
  bool truncates_ = false;                       // the last was truncated, not renamed, when it got a predecessor
  bool unsure_ = false;                          // the first was the last until now: it may have been truncated since it was looked at
  std::chrono::steady_clock::time_point named_;  // when a file was last seen under the name
  syslog::Lines lines_;
  syslog::SyslogTime times_;
  StderrPairs pairs_;
  size_t handed_ = 0;                         // by this read()
  uint64_t rotations_ = 0, truncations_ = 0;  // not yet told
};

}  // namespace fencewatch
