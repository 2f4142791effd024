// Opening a path as if a directory were the root of the file system: absolute links and .. stay inside it.
// openat2(2) RESOLVE_IN_ROOT; before Linux 5.6, or where a seccomp filter forbids it, component by component.
#pragma once

#include <string_view>
#include <utility>

#include "exporter/base/status.h"

namespace fencewatch {

// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// `path` is relative; empty means the root itself. Without a file, errno says why: ELOOP after 40 links.
Fd open_in_root(int root, std::string_view path, int flags);
Fd open_plainly(int root, std::string_view path, int flags);  // openat(2): links lead where they say
Fd walk_in_root(int root, std::string_view path, int flags);  // what open_in_root does without openat2

// The errno of an open or a read, told of `file`.
Status fault(int error, std::string_view file);

}  // namespace fencewatch
