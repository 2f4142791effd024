// Finds a place in a log file again after the file was renamed, copied, truncated or replaced: logrotate(8), `copytruncate` and not.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/status.h"
#include "exporter/node/resolve.h"

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

// The name of a log. With a root it is resolved as if that were the root of the file system: absolute links stay inside it.
struct Name {
  std::shared_ptr<const Fd> root;  // null: links lead where they say
  std::string path;

  Fd open(const std::string& of, int flags) const;  // of the file or its directory
  bool status(struct stat& out) const;              // else errno says why
};

// `name` must outlive the Status. Anything but a regular file is malformed.
Status open_file(const Name& name, File& out);
Status look_again(File& file, const Name& name);  // size and mtime
uint64_t fingerprint(std::string_view head);
std::string read_head(const File& file, uint64_t limit);  // the first bytes: at most `limit`, and at most kHead

// What rotation has put to the name of a log: "1" (a larger number is older) or "20261123-17" (a larger text is newer).
struct Suffix {
  uint32_t number = 0;
  std::string date;  // empty: numbered
};
// Names of logrotate: NAME.1, NAME-20261123, NAME.2026-11-23-…, STEM-20261123.EXT; without .gz and its kin. Nothing: it is another file.
std::optional<Suffix> suffix_of(const std::string& base, std::string_view name);

// How far a file was read.
struct Mark {
  ino_t inode = 0;
  uint64_t offset = 0;
  uint64_t head = 0;  // so many first bytes
  uint64_t fingerprint = 0;
  int64_t changed_ns = 0;

  static Mark of(const File& file, std::string_view head, uint64_t offset = 0);
  std::string text() const;  // "inode:offset:head:fingerprint:mtime"
  static bool parse(std::string_view, Mark&);
  bool fits(const File& file) const;  // the file begins alike, and is no shorter
};

// The rotated files, not compressed, that hold what followed `mark`, oldest first. `live` is what bears the name itself now and is not
// among them, nor is a copy of what it holds, which copytruncate is about to truncate: when it has, `head` no longer fits.
struct Trail {
  std::vector<File> files;
  bool found = false;  // the first of them is the mark's own file, or a copy of it: its rest is to be read
  std::string head;    // the first bytes of `live`
};
Trail follow(const Name& name, const Mark& mark, File& live);

}  // namespace fencewatch::rotation
