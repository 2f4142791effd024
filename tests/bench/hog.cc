// Presses on the memory of the cgroup it runs in, until it is killed.
//   hog touch BYTES     keeps touching that much anonymous memory; says "touched" after the first round
//   hog read FILE       keeps reading that file from its start
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void touch(size_t size) {
  std::vector<char> memory(size);
  const auto round = [&] {
    for (size_t at = 0; at < size; at += 4096) {
      volatile char& byte = memory[at];
      byte = static_cast<char>(byte + 1);
    }
  };
  round();
  std::puts("touched");
  std::fflush(stdout);
  while (true) round();
}

[[noreturn]] void read(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    std::perror(path);
    std::exit(1);
  }
  std::vector<char> buffer(1 << 16);
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0) {
      std::perror(path);
      std::exit(1);
    }
    if (n == 0) ::lseek(fd, 0, SEEK_SET);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 3 ? argv[1] : "";
  if (what == "touch") touch(std::strtoul(argv[2], nullptr, 10));
  if (what == "read") read(argv[2]);
  std::fprintf(stderr, "usage: hog touch BYTES | hog read FILE\n");
  return 2;
}
