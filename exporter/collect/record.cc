#include "exporter/collect/record.h"

namespace fencewatch {

void Record::clear(int64_t time_ms) {
  time_ms_ = time_ms;
  count_ = 0;
  distress_ = cut_ = false;
}

void Record::add(std::string_view key, std::string_view of, std::string_view part, int64_t value) {
  const size_t begin = begins_[count_];
  const size_t size = key.size() + (of.empty() ? 0 : 1 + of.size()) + (part.empty() ? 0 : 1 + part.size());
  if (count_ == kMost || size == 0 || size > 255 || begin + size > kTextSize) {
    cut_ = true;
    return;
  }
  char* out = text_.data() + begin;
  const auto append = [&out](std::string_view text) {
    for (const char c : text) *out++ = is_of_key(c) && c != '/' ? c : '_';
  };
  append(key);
  for (const std::string_view text : {of, part}) {
    if (text.empty()) continue;
    *out++ = '/';
    append(text);
  }
  values_[count_++] = value;
  begins_[count_] = static_cast<uint16_t>(begin + size);
}

}  // namespace fencewatch
