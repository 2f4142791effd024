// Opening a path as if a directory were the root of the file system: absolute links and .. stay inside it.
// openat2(2) RESOLVE_IN_ROOT; before Linux 5.6, or where a seccomp filter forbids it, component by component.
#pragma once

#include <string_view>

#include "exporter/base/fd.h"

namespace fencewatch {

// `path` is relative; empty means the root itself. Without a file, errno says why: ELOOP after 40 links.
Fd open_in_root(int root, std::string_view path, int flags);
Fd open_plainly(int root, std::string_view path, int flags);  // openat(2): links lead where they say
Fd walk_in_root(int root, std::string_view path, int flags);  // what open_in_root does without openat2

}  // namespace fencewatch
