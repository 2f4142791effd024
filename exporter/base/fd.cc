#include "exporter/base/fd.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fencewatch {

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Directory directory_of(Fd fd) {
  DIR* const directory = fd ? fdopendir(fd.get()) : nullptr;
  if (directory != nullptr) (void)fd.release();
  return Directory(directory);
}

Status fault(int error, std::string_view file) {
  Code code = Code::io;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
    case ESRCH:
    case EOPNOTSUPP:  // pressure files while psi is off
      code = Code::missing;
      break;
    case EACCES:
    case EPERM:
      code = Code::denied;
      break;
  }
  const char* text = strerrordesc_np(error);  // a literal of the C library, unlike strerror
  return {code, 0, file, text != nullptr ? text : "unknown error"};
}

}  // namespace fencewatch
