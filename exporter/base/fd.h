// File descriptors, and the errors that come with them.
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

// The errno of an open or a read, told of `file`.
Status fault(int error, std::string_view file);

}  // namespace fencewatch
