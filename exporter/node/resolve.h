// Opening a path as if a directory were the root of the file system: absolute links and .. stay inside it.
// openat2(2) RESOLVE_IN_ROOT; before Linux 5.6, or where a seccomp filter forbids it, component by component.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exporter/base/fd.h"

namespace fencewatch {

// `path` is relative; empty means the root itself. Without a file, errno says why: ELOOP after 40 links.
Fd open_in_root(int root, std::string_view path, int flags);
Fd open_plainly(int root, std::string_view path, int flags);  // openat(2): links lead where they say
Fd walk_in_root(int root, std::string_view path, int flags);  // what open_in_root does without openat2

// Where `path` really is on this machine, when links are followed as if `root` were the root of the file system; for libraries that take no
// descriptor. Empty, with an errno: it is not there. `root` itself is followed as it stands.
std::string path_in_root(const std::string& root, std::string_view path);

// What of `path` lies below `root`; absent: it lies elsewhere, or `root` is the root of this machine.
std::optional<std::string_view> below_root(std::string_view root, std::string_view path);

}  // namespace fencewatch
