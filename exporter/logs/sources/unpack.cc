#include "exporter/logs/sources/unpack.h"

#include <lzma.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace fencewatch {
namespace {

constexpr std::string_view kXzMagic{
    "\xFD"
    "7zXZ\0",
    6};
constexpr uint64_t kXzMemory = 128 << 20;  // xz -9 wants 65 MiB

// zlib hands plain files through as they are.
class Gzip final : public Unpacked {
 public:
  static std::unique_ptr<Unpacked> open(const Fd& file) {
    const int own = dup(file.get());
    gzFile stream = own < 0 ? nullptr : gzdopen(own, "rb");
    if (stream) return std::make_unique<Gzip>(stream);
    if (own >= 0) close(own);
    return nullptr;
  }
  explicit Gzip(gzFile stream) : stream_(stream) {}
  ~Gzip() override { gzclose(stream_); }
  Gzip(const Gzip&) = delete;

  ssize_t read(char* out, size_t size) override {
    const int got = gzread(stream_, out, static_cast<unsigned>(std::min<size_t>(size, 1 << 30)));
    if (got != 0) return got;
    int error = Z_OK;
    gzerror(stream_, &error);
    return error == Z_OK || error == Z_STREAM_END ? 0 : -1;  // Z_BUF_ERROR: cut off
  }

 private:
  gzFile stream_;
};

class Xz final : public Unpacked {
 public:
  explicit Xz(Fd file) : file_(std::move(file)) { good_ = lzma_stream_decoder(&stream_, kXzMemory, LZMA_CONCATENATED) == LZMA_OK; }
  ~Xz() override { lzma_end(&stream_); }
  Xz(const Xz&) = delete;

  ssize_t read(char* out, size_t size) override {
    stream_.next_out = reinterpret_cast<uint8_t*>(out);
    stream_.avail_out = size;
    while (good_ && !ended_ && stream_.avail_out > 0) {
      if (stream_.avail_in == 0 && !file_ended_ && !refill()) break;
      const lzma_ret result = lzma_code(&stream_, file_ended_ ? LZMA_FINISH : LZMA_RUN);
      ended_ = result == LZMA_STREAM_END;
      good_ = ended_ || result == LZMA_OK;
    }
    const size_t got = size - stream_.avail_out;
    return got > 0 || good_ ? static_cast<ssize_t>(got) : -1;
  }

 private:
  bool refill() {
    const ssize_t got = ::read(file_.get(), in_.data(), in_.size());
    good_ = got >= 0;
    file_ended_ = got == 0;
    stream_.next_in = in_.data();
    stream_.avail_in = good_ ? static_cast<size_t>(got) : 0;
    return good_;
  }

  const Fd file_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool good_ = false, ended_ = false, file_ended_ = false;
  std::array<uint8_t, 16 << 10> in_;
};

}  // namespace

std::unique_ptr<Unpacked> unpack(Fd file, std::string_view name) {
  std::array<char, kXzMagic.size()> bytes;
  const ssize_t got = pread(file.get(), bytes.data(), bytes.size(), 0);
  const std::string_view head(bytes.data(), got > 0 ? static_cast<size_t>(got) : 0);
  if (head == kXzMagic) return std::make_unique<Xz>(std::move(file));
  if (name.ends_with(".xz") || (name.ends_with(".gz") && !head.starts_with("\x1f\x8b"))) return nullptr;
  return Gzip::open(file);
}

}  // namespace fencewatch
