#include "exporter/base/gzip.h"

namespace fencewatch {
namespace {

// What cannot be made smaller is stored: 5 bytes for each block of 64 KiB at most, and the gzip head and tail (igzip_lib.h).
size_t bound(size_t size) { return size + 5 * (size / 65535 + 1) + 64; }

}  // namespace

bool Gzip::append(std::string_view text, Bytes& out) {
  const size_t used = out.size();
  const size_t room = bound(text.size());
  if (room > UINT32_MAX) return false;
  out.resize(used + room);
  const std::lock_guard lock(mutex_);
  isal_deflate_stateless_init(&stream_);
  stream_.gzip_flag = IGZIP_GZIP;
  stream_.end_of_stream = 1;
  stream_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));  // it is only read
  stream_.avail_in = static_cast<uint32_t>(text.size());
  stream_.next_out = reinterpret_cast<uint8_t*>(out.data() + used);
  stream_.avail_out = static_cast<uint32_t>(room);
  const bool good = isal_deflate_stateless(&stream_) == COMP_OK;
  out.resize(used + (good ? stream_.total_out : 0));
  return good;
}

}  // namespace fencewatch
