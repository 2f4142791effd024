// Finds a place in a log file again after the file was renamed, copied, truncated or replaced: logrotate(8), `copytruncate` and not.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/resolve.h"
#include "exporter/status.h"

namespace fencewatch::rotation {

inline constexpr size_t kHead = 256;  // as many first bytes tell a file from another that got its inode

// A regular file, open for reading.
struct File {
  Fd fd;
  dev_t device = 0;
  ino_t inode = 0;
  uint64_t size = 0;
  int64_t changed_ns = 0;  // mtime

  bool same(const File& other) const { return device == other.device && inode == other.inode; }
};

// `path` must outlive the Status. Anything but a regular file is malformed.
Status open_file(const std::string& path, File& out);
Status look_again(File& file, const std::string& path);  // size and mtime
uint64_t fingerprint(std::string_view head);
std::string read_head(const File& file, uint64_t limit);  // the first bytes: at most `limit`, and at most kHead

// How far a file was read.
struct Mark {
  ino_t inode = 0;
  uint64_t offset = 0;
  uint64_t head = 0;  // so many first bytes
  uint64_t fingerprint = 0;
  int64_t changed_ns = 0;

  std::string text() const;  // "inode:offset:head:fingerprint:mtime"
  static bool parse(std::string_view, Mark&);
  bool fits(const File& file) const;  // the file begins alike, and is no shorter
};

// The rotated files, not compressed, that hold what followed `mark`, oldest first. Names of logrotate: NAME.1, NAME-20261123,
// NAME.2026-11-23-…, STEM-20261123.EXT. `live` is what bears the name itself now and is not among them.
struct Trail {
  std::vector<File> files;
  bool found = false;  // the first of them is the mark's own file, or a copy of it: its rest is to be read
};
Trail follow(const std::string& path, const Mark& mark, const File& live);

}  // namespace fencewatch::rotation
