// What texts written by people and programs need: blanks cut off, case ignored, UTF-8 told from other bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace fencewatch::text {

// Without the characters of `blanks` at both ends.
constexpr std::string_view trim(std::string_view text, std::string_view blanks = " \t") {
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return text.substr(text.size());
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

// Of ASCII, whatever the locale says.
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Whether they differ at most in the case of ASCII letters.
constexpr bool same_but_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

// The length of the well-formed UTF-8 sequence that `text` begins with, 0 if there is none (RFC 3629: no overlong forms, no surrogates,
// nothing above U+10FFFF).
size_t utf8_length(std::string_view text);

inline constexpr char32_t kReplacement = 0xFFFD;

// Cuts one character of UTF-8 off `text`, which is not empty. kReplacement, and one byte, where there is none.
char32_t next_character(std::string_view& text);

}  // namespace fencewatch::text
