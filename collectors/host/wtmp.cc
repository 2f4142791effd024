#include "collectors/host/wtmp.h"

#include <cstring>

namespace fencewatch {
namespace {

// struct utmp of both machines, little endian as they are.
constexpr size_t kRecord = 384, kType = 0, kUser = 44, kUserSize = 32, kSeconds = 340;
constexpr int16_t kRunLevel = 1, kBootTime = 2, kLastType = 9;

std::string_view user_of(std::string_view record) {
  const std::string_view field = record.substr(kUser, kUserSize);
  return field.substr(0, field.find('\0'));
}

}  // namespace

Status parse_wtmp(std::string_view bytes, Wtmp& out) {
  out = {};
  bool ended = false;  // a shutdown since the last boot
  for (uint32_t number = 1; bytes.size() >= kRecord; ++number, bytes.remove_prefix(kRecord)) {
    const std::string_view record = bytes.substr(0, kRecord);
    int16_t type = 0;
    std::memcpy(&type, record.data() + kType, sizeof type);
    if (type < 0 || type > kLastType) return malformed(number, "a type that utmp(5) does not have");
    if (type == kRunLevel && user_of(record) == "shutdown") ended = true;
    if (type != kBootTime) continue;
    if (out.boots > 0) out.previous_clean = ended;
    ++out.boots;
    uint32_t seconds = 0;
    std::memcpy(&seconds, record.data() + kSeconds, sizeof seconds);
    out.last_boot = seconds;
    ended = false;
  }
  return {};
}

}  // namespace fencewatch
