// The only text scanner of the parsers: lines, words, numbers over a string_view. No allocation, no locale, no copies.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fencewatch::scan {

// Cuts the next line off `rest` into `line`, without its newline. False at the end. A last line without a newline is given as well:
// `complete()` asks beforehand whether there is one.
inline bool next_line(std::string_view& rest, std::string_view& line) {
  if (rest.empty()) return false;
  const void* newline = std::memchr(rest.data(), '\n', rest.size());
  const size_t length = newline ? static_cast<size_t>(static_cast<const char*>(newline) - rest.data()) : rest.size();
  line = rest.substr(0, length);
  rest.remove_prefix(std::min(length + 1, rest.size()));
  return true;
}

// Kernel files end with a newline; one that does not was cut off, perhaps in the middle of a number.
inline bool complete(std::string_view text) { return text.empty() || text.back() == '\n'; }

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }

inline std::string_view trim_left(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && blank(text[n])) ++n;
  return text.substr(n);
}

// Cuts the next blank-separated word off `rest`; empty at the end of the line.
inline std::string_view next_word(std::string_view& rest) {
  rest = trim_left(rest);
  size_t n = 0;
  while (n < rest.size() && !blank(rest[n])) ++n;
  const std::string_view word = rest.substr(0, n);
  rest.remove_prefix(n);
  return word;
}

// The whole of `text` is one decimal number that fits. Integers (signed where T is) or floating point.
template <class T>
bool number(std::string_view text, T& out) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  return error == std::errc{} && stop == end;
}

// The line, counted from 1, in which `at` lies within `text`. For fault messages only: it counts from the start.
inline uint32_t line_of(std::string_view text, const char* at) { return 1 + static_cast<uint32_t>(std::count(text.data(), at, '\n')); }

}  // namespace fencewatch::scan
