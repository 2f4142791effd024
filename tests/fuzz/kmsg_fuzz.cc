// Records of /dev/kmsg: whatever comes, no line is longer than its record, and only the kernel's become lines.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "exporter/logs/sources/kmsg.h"

using namespace fencewatch;

namespace {

std::string_view& input() {
  static std::string_view rest;
  return rest;
}

// Pieces of a size that the input itself chooses.
ssize_t next_piece(int, void* buffer, size_t size) {
  if (input().empty()) {
    errno = EAGAIN;
    return -1;
  }
  const auto wanted = static_cast<size_t>(static_cast<unsigned char>(input()[0])) * 16 + 1;
  const size_t n = std::min({wanted, size, input().size()});
  std::memcpy(buffer, input().data(), n);
  input().remove_prefix(n);
  return static_cast<ssize_t>(n);
}

class Checking final : public Sink {
 public:
  explicit Checking(size_t limit) : limit_(limit) {}
  void line(const Line& line) override {
    if (line.text.size() > limit_ || line.identifier != "kernel") std::abort();
  }
  void lost(Channel, std::string_view, uint64_t lines) override {
    if (lines == 0) std::abort();
  }

 private:
  const size_t limit_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  input() = {reinterpret_cast<const char*>(data), size};
  static Kmsg source("/dev/null", "/proc/sys/kernel/random/boot_id", next_piece);
  if (!source.open("")) std::abort();
  Checking sink(size);
  for (bool more = true; more;)
    if (!source.read(sink, 8, more)) std::abort();
  return 0;
}
