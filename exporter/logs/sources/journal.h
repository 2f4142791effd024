// The systemd journal, through libsystemd (sd-journal(3)). One source for all channels.
//
// Trust: fields that begin with _ are journald's own words. The kernel is _TRANSPORT=kernel with SYSLOG_FACILITY=0: what a user writes into
// /dev/kmsg comes that way too, with another facility. A daemon is its SYSLOG_IDENTIFIER, said by a user below 1000 or by a process
// of that very name: `logger -t corosync` of a user is not corosync.
#pragma once

#include <memory>
#include <string>

#include "exporter/logs/sources/boot_id.h"
#include "exporter/logs/sources/source.h"
#include "exporter/logs/sources/stderr_pairs.h"

struct sd_journal;

namespace fencewatch {

// Position: the journal's cursor. Where the entry has been vacuumed away, reading goes on with the first that came after it; how many
// went nobody can tell. Lost: "too_long", messages over 8 kB are cut; "corrupt", entries that cannot be read.
//
// libsystemd maps the files: what truncates one under its eyes, which journald does not, kills the process with SIGBUS.
class Journal final : public Source {
 public:
  // An empty directory: the journal of this machine. Else one with *.journal files, or with directories that are named by a machine id:
  // give the one of the machine, others may hold what containers said.
  explicit Journal(std::string directory = {}, std::string boot_id_path = kBootIdPath);

  std::string_view name() const override { return "journal"; }
  Status open(std::string_view position) override;
  // An entry that is passed over counts as one of `max`.
  Status read(Sink& sink, size_t max, bool& more) override;
  int fd() const override { return fd_; }
  std::string position() const override { return cursor_; }  // empty: nothing was read so far

 private:
  struct Close {
    void operator()(sd_journal* journal) const;
  };
  bool there() const;
  Status open_files();
  int seek(const std::string& position, const std::string& boot);
  int go_behind_cursor();
  void take(Sink* sink);
  Status fault_of(int error);

  const std::string directory_, boot_id_path_;
  std::unique_ptr<sd_journal, Close> journal_;
  std::string cursor_;
  std::string identifier_;
  StderrPairs pairs_;
  bool behind_ = false;  // the entry at the cursor is known to have been read, or there is none
  int fd_ = -1;
};

}  // namespace fencewatch
