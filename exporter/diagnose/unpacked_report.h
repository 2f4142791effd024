// A report that is an archive (sosreport's .tar.xz, .tar.gz, .tar.zst, .tar.bz2 and whatever else libarchive(3) reads), unpacked into a
// private directory as far as diagnose reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/report/report.h"

namespace fencewatch {

// Hostile archives are harmless: nothing but directories and regular files of a report's own names is made, below the directory, and all of
// it is bounded. What is left out for that is named in unread(). Used by one thread.
class UnpackedReport {
 public:
  struct Limits {
    uint64_t files = 20'000, entries = 2'000'000;
    uint64_t bytes = uint64_t{8} << 30;  // written; holes are none
  };
  // `path` "-": standard input. Throws Refused when it is no archive or the directory, in TMPDIR or /tmp, cannot be made.
  explicit UnpackedReport(const std::string& path, Limits limits);
  ~UnpackedReport();  // removes it
  UnpackedReport(const UnpackedReport&) = delete;

  const std::string& root() const { return root_; }  // of the report
  const std::vector<Unread>& unread() const { return unread_; }

 private:
  void read(const std::string& path, const Limits& limits);

  std::string directory_, root_;
  std::vector<Unread> unread_;
};

// Whether diagnose would read it: "proc/zoneinfo", "var/log/messages-20241103.xz".
bool is_read(std::string_view path_in_report);

}  // namespace fencewatch
