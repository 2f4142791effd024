#include "exporter/base/text.h"

namespace fencewatch::text {

size_t utf8_length(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  if (text.empty()) return 0;
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return tail(1) ? 2 : 0;
  const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at(1) < low || at(1) > high || !tail(2)) return 0;
  if (first < 0xf0) return 3;
  return tail(3) ? 4 : 0;
}

char32_t next_character(std::string_view& text) {
  const size_t length = utf8_length(text);
  const unsigned first = static_cast<unsigned char>(text.front());
  char32_t code = length == 0 ? kReplacement : length == 1 ? first : first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  text.remove_prefix(length == 0 ? 1 : length);
  return code;
}

}  // namespace fencewatch::text
