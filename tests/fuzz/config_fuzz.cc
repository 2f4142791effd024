// libFuzzer: the YAML file behind --config.file is read, or refused with one line that names the file.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "exporter/config/config.h"

using namespace fencewatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4000) return 0;
  const int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(fd), flag = "--config.file=" + path;
  const char* const argv[] = {"fencewatch", flag.c_str()};
  const Parsed parsed = parse_arguments(2, argv, all_collectors());
  close(fd);
  if (parsed.exit < 0) return 0;
  const std::string& message = parsed.message;
  if (parsed.exit != 1 || !message.starts_with("fencewatch: ") || std::count(message.begin(), message.end(), '\n') != 1) std::abort();
  if (message.find(path) == message.npos) std::abort();
  return 0;
}
