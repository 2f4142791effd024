// Where the files of the watched machine are: live, a pod's /host mounts, a test tree, or an unpacked sosreport. All paths are
// relative to the node: "proc/zoneinfo", "sys/devices/...", "etc/corosync/corosync.conf".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/bytes.h"
#include "exporter/base/settings.h"
#include "exporter/base/status.h"

namespace fencewatch {

using Names = std::vector<std::string>;

// Reads are safe from several threads at once, each with a buffer of its own. A read can hang for ever in the kernel: the Runner
// knows about time, Node does not.
class Node {
 public:
  virtual ~Node() = default;
  // The whole file into `out`, at most kMaxFile bytes. On a fault `out` is empty. Status::file is `path`, which must therefore
  // outlive the Status (give a literal, or restate it with Status::of).
  virtual Status read(std::string_view path, Bytes& out) const = 0;
  // The names in a directory, sorted, without . and ..
  virtual Status list(std::string_view dir, Names& out) const = 0;
  // Bytes per page of that machine, which an unpacked sosreport may have brought from another architecture; 0 where nothing tells.
  virtual long page_size() const = 0;

  static constexpr size_t kMaxFile = 64 << 20;
};

// Files of a real procfs stay open and are read with pread (half the price of open, read, close); all others are opened each
// time, so that a replaced file is seen. Absolute links stay inside the path they were found under. Where proc/sys/* or
// proc/sys/kernel/osrelease is missing and the tree holds sos_commands/kernel/{sysctl_-a,uname_-a}, the value is taken from there.
// Never null; `status` tells a root that cannot be opened.
std::unique_ptr<Node> open_node(const NodePaths& paths, Status& status);

}  // namespace fencewatch
