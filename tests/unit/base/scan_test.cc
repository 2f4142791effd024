#include "exporter/base/scan.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace fencewatch;

TEST_CASE("lines are cut off one by one, an unfinished last one too") {
  std::string_view rest = "a\n\nb c\nlast", line;
  std::vector<std::string> lines;
  while (scan::next_line(rest, line)) lines.emplace_back(line);
  CHECK(lines == std::vector<std::string>{"a", "", "b c", "last"});
  rest = "";
  CHECK_FALSE(scan::next_line(rest, line));
}

TEST_CASE("a text is complete when its last line has ended") {
  CHECK(scan::complete(""));
  CHECK(scan::complete("a\n"));
  CHECK_FALSE(scan::complete("a\nb"));
}

TEST_CASE("words are separated by any number of blanks") {
  std::string_view rest = "  Node 0,\tzone   DMA ";
  std::vector<std::string> words;
  for (std::string_view word = scan::next_word(rest); !word.empty(); word = scan::next_word(rest)) words.emplace_back(word);
  CHECK(words == std::vector<std::string>{"Node", "0,", "zone", "DMA"});
  CHECK(rest.empty());
}

TEST_CASE("a number is the whole text or nothing") {
  uint64_t n = 7;
  CHECK(scan::number("18446744073709551615", n));
  CHECK(n == UINT64_MAX);
  for (const char* bad : {"", " 1", "1 ", "-1", "+1", "0x1", "12kB", "18446744073709551616"}) CHECK_FALSE(scan::number(bad, n));
  int64_t i = 0;
  CHECK(scan::number("-5", i));
  CHECK(i == -5);
  double d = 0;
  CHECK(scan::number("1.25", d));
  CHECK(d == 1.25);
}

TEST_CASE("lines are counted from 1") {
  const std::string_view text = "one\ntwo\nthree";
  CHECK(scan::line_of(text, text.data()) == 1);
  CHECK(scan::line_of(text, text.data() + 4) == 2);
  CHECK(scan::line_of(text, text.data() + text.size()) == 3);
}
