#include "collectors/memory/meminfo.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/trees.h"

using namespace fencewatch;

TEST_CASE("meminfo: the free memory of a recorded machine, or none, whatever was cut off") {
  const std::string text = test::slurp(FIXTURES "/kernel/linux-6.1-healthy/proc/meminfo");
  const std::string line = "\nMemFree:";
  const size_t end = text.find('\n', text.find(line) + 1) + 1;
  const auto whole = parse_free_memory(text);
  REQUIRE(whole);
  CHECK(*whole == std::stoull(text.substr(text.find(line) + line.size())));
  for (size_t size = 0; size <= text.size(); ++size)
    CHECK(parse_free_memory(std::string_view(text).substr(0, size)) == (size < end ? std::nullopt : whole));
}

TEST_CASE("meminfo: what is no number of kB is absent") {
  CHECK(parse_free_memory("MemTotal: 9 kB\nMemFree: 18446744073709551615 kB\n") == UINT64_MAX);
  for (const char* text : {"", "MemFree: 1 kB\n", "x\nMemFree:\n", "x\nMemFree: kB\n", "x\nMemFree: -1 kB\n", "x\nMemFree: 1 MB\n",
                           "x\nMemFree: 1\n", "x\nMemFree: 18446744073709551616 kB\n", "x\nMemFree: 1 kB"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_free_memory(text));
  }
}
