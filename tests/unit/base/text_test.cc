#include "exporter/base/text.h"

#include <doctest/doctest.h>

#include <string>

namespace fencewatch {
namespace {

using namespace std::string_view_literals;

// As RFC 3629 builds it.
std::string encoded(char32_t code) {
  const auto byte = [](char32_t value) { return static_cast<char>(value); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f))};
  if (code < 0x10000) return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
  return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f)), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
}

}  // namespace

TEST_CASE("text: trim") {
  CHECK(text::trim(" \t a b\t ") == "a b");
  CHECK(text::trim("a") == "a");
  CHECK(text::trim(" \t ").empty());
  CHECK(text::trim("").empty());
  CHECK(text::trim("a\n", "\n") == "a");
  CHECK(text::trim("\n") == "\n");
}

TEST_CASE("text: same but for case") {
  CHECK(text::same_but_case("Content-LENGTH", "content-length"));
  CHECK(text::same_but_case("", ""));
  CHECK_FALSE(text::same_but_case("a", "ab"));
  CHECK_FALSE(text::same_but_case("[", "{"));  // they differ in the bit that parts letters
  CHECK_FALSE(text::same_but_case("@", "`"));
  CHECK_FALSE(text::same_but_case("\xc4", "\xe4"));  // of Latin-1
}

TEST_CASE("text: every character of UTF-8, and nothing else, is one") {
  int wrong = 0;
  for (char32_t code = 0; code <= 0x110000; ++code) {
    const std::string bytes = encoded(code);
    const bool is = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    std::string_view rest = bytes;
    const char32_t got = text::next_character(rest);
    if (is ? got != code || !rest.empty() : got != text::kReplacement || rest.size() != bytes.size() - 1) ++wrong;
    for (size_t cut = 1; cut < bytes.size(); ++cut)
      if (text::utf8_length(bytes.substr(0, cut)) != 0) ++wrong;
  }
  CHECK(wrong == 0);
  for (const std::string_view overlong :
       {"\xc0\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv, "\xf0\x8f\xbf\xbf"sv, "\xf8\x88\x80\x80\x80"sv, "\x80"sv, ""sv})
    CHECK(text::utf8_length(overlong) == 0);
}

}  // namespace fencewatch
