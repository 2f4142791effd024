// Log files read once, from the oldest line to the newest: what --once counts.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/line_buffer.h"
#include "exporter/logs/sources/pasted.h"
#include "exporter/logs/sources/source.h"
#include "exporter/logs/sources/stderr_pairs.h"
#include "exporter/logs/sources/syslog.h"
#include "exporter/logs/sources/syslog_time.h"
#include "exporter/logs/sources/unpack.h"
#include "exporter/node/resolve.h"

namespace fencewatch {

// `path` and its rotated predecessors in the same directory, the oldest first: messages-20241103.xz, messages.2.gz, messages.1, messages;
// of corosync.log corosync-20241103.log as well. Paths are relative to `root`; absolute links stay inside it. Empty: there are none.
std::vector<std::string> with_predecessors(int root, const std::string& path);

// The lines of these files, which follow one another. dmesg: the files hold the output of dmesg, all of it the kernel's; times that count
// from the boot are left out. plain: every line is one of `channel`, as it is.
class Archive final : public Source {
 public:
  enum class Format { syslog, dmesg, plain };
  // `reported_us`: when the report was made that the files are of, report_time_us(); 0: unknown.
  Archive(std::shared_ptr<const Fd> root, std::string name, std::vector<std::string> files, int64_t reported_us,
          Format format = Format::syslog, Channel channel = Channel::kernel);

  std::string_view name() const override { return name_; }
  Status open(std::string_view position) override;  // always from the beginning
  Status read(Sink& sink, size_t max, bool& more) override;
  int fd() const override { return -1; }
  std::string position() const override { return ""; }

 private:
  bool open_next(Sink& sink);
  void take(const LineBuffer::Cut& cut, Sink& sink);
  void hand_on(const syslog::Entry& entry, Sink& sink);
  bool fill(Sink& sink);

  const std::shared_ptr<const Fd> root_;
  std::string_view file() const { return files_[next_file_ - 1]; }

  const std::string name_;
  const std::vector<std::string> files_;
  const Format format_;
  const int64_t reported_us_;
  size_t next_file_ = 0;
  std::unique_ptr<Unpacked> file_;  // null: the next one is to be opened
  int64_t written_us_ = 0;          // not later than this
  bool begun_ = false;              // something of it was read
  Pasted pasted_;
  uint64_t number_ = 0;  // of the line that was read last
  Channel last_;         // of the line before
  syslog::Lines lines_;
  StderrPairs pairs_;
  syslog::SyslogTime times_;
  LineBuffer buffer_;
};

}  // namespace fencewatch
