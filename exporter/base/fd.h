// File descriptors, and the errors that come with them.
#pragma once

#include <dirent.h>

#include <memory>
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
  int release() { return std::exchange(fd_, -1); }  // it is the caller's to close
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Null with errno when it cannot be had; the descriptor is closed then as well, which fdopendir(3) leaves to its caller.
Directory directory_of(Fd fd);

// The errno of an open or a read, told of `file`.
Status fault(int error, std::string_view file);

}  // namespace fencewatch
