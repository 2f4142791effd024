#include "exporter/base/fd.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>

namespace fencewatch {

TEST_CASE("fd: what is no directory is closed again") {
  Fd file(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  const int number = file.get();
  REQUIRE(number >= 0);
  CHECK_FALSE(directory_of(std::move(file)));
  CHECK(errno == ENOTDIR);
  CHECK(fcntl(number, F_GETFD) < 0);
  CHECK_FALSE(directory_of(Fd()));
}

TEST_CASE("fd: a directory owns its descriptor") {
  Fd opened(open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const int number = opened.get();
  {
    const Directory directory = directory_of(std::move(opened));
    REQUIRE(directory);
    CHECK(readdir(directory.get()) != nullptr);
  }
  CHECK(fcntl(number, F_GETFD) < 0);
}

}  // namespace fencewatch
