#include "collectors/memory/buddyinfo.h"

#include <doctest/doctest.h>

#include "tests/unit/prefixes.h"
#include "tests/unit/trees.h"

using namespace fencewatch;

namespace {

void refused(std::string_view text, uint32_t line, std::string_view what) {
  Buddyinfo out;
  const Status status = parse_buddyinfo(text, out);
  CHECK(name(status.code) == name(Code::malformed));
  CHECK(status.line == line);
  CHECK(status.text == what);
}

// The layout has been the same since 2.6; blanks pad the name to 8 and each count to 6, wider ones push the line out.
constexpr std::string_view kTwoNodes =
    "Node 0, zone      DMA      1      0      3 \n"
    "Node 0, zone   Normal 1234567      0      5 \n"
    "Node 1, zone  HighMem      0      0      0 \n";

}  // namespace

TEST_CASE("buddyinfo: zones in order, with their counts") {
  Buddyinfo info;
  REQUIRE(parse_buddyinfo(kTwoNodes, info));
  REQUIRE(info.zones.size() == 3);
  const auto counts = [&](size_t zone) {
    const auto span = info.of(info.zones[zone]);
    return std::vector<uint64_t>(span.begin(), span.end());
  };
  CHECK(info.zones[0].numa_node == 0);
  CHECK(info.zones[0].name == "DMA");
  CHECK(counts(0) == std::vector<uint64_t>{1, 0, 3});
  CHECK(info.zones[1].name == "Normal");
  CHECK(counts(1) == std::vector<uint64_t>{1234567, 0, 5});
  CHECK(info.zones[2].numa_node == 1);
  CHECK(info.zones[2].name == "HighMem");
  CHECK(counts(2) == std::vector<uint64_t>{0, 0, 0});
}

TEST_CASE("buddyinfo: as many orders as the kernel has, in each zone for itself") {
  std::string text = "Node 0, zone Normal";
  for (size_t order = 0; order < kMaxOrders; ++order) text += " " + std::to_string(order);
  Buddyinfo info;
  REQUIRE(parse_buddyinfo(text + "\nNode 1, zone Normal 7\n", info));
  CHECK(info.of(info.zones[0]).size() == kMaxOrders);
  CHECK(info.of(info.zones[0])[13] == 13);
  REQUIRE(info.of(info.zones[1]).size() == 1);
  CHECK(info.of(info.zones[1])[0] == 7);
  refused(text + " 64\n", 1, "more than 64 orders");
}

TEST_CASE("buddyinfo: every fixture has eleven orders") {
  for (const std::string& tree : test::trees()) {
    CAPTURE(tree);
    const std::string text = test::slurp(FIXTURES "/" + tree + "/proc/buddyinfo");
    Buddyinfo info;
    REQUIRE(parse_buddyinfo(text, info));
    CHECK(info.zones.size() >= 3);
    for (const auto& zone : info.zones) CHECK(zone.orders == 11);
  }
}

TEST_CASE("buddyinfo: pages of blocks") {
  CHECK(pages(3, 0) == 3);
  CHECK(pages(3, 10) == 3072);
  CHECK(pages(1, 63) == 9223372036854775808.0);
}

TEST_CASE("buddyinfo: what cannot be is refused with its line") {
  const auto second = [](const std::string& line, std::string_view what) {
    CAPTURE(line);
    refused("Node 0, zone DMA 1 2\n" + line + "\n", 2, what);
  };
  constexpr std::string_view layout = "not \"Node N, zone NAME COUNT...\"";
  refused("", 1, "the file is empty");
  refused("Node 0, zone DMA 1", 1, "the file is cut off");
  refused("Node 0, zone DMA 1 2\nNode 0, zone Nor", 2, "the file is cut off");
  refused("\n", 1, "no zone");
  refused("Nodes and zones\n", 1, "no zone");
  for (const char* line : {"Node", "Node 0", "Node 0,", "Node 0 zone Normal 1", "Node x, zone Normal 1", "Node -1, zone Normal 1",
                           "Node 4294967296, zone Normal 1", "Node 0, type Normal 1", "Node 0, zone", "Node 0, zone Normal",
                           "Node 0, zone Nor\xffmal 1", "Node 0, zone a_name_that_no_zone_has 1"}) {
    second(line, layout);
  }
  for (const char* count : {"x", "-1", "1.5", "18446744073709551616"}) {
    second("Node 0, zone Normal 1 " + std::string(count), "a count of blocks is no number");
  }
  second("Node 0, zone DMA 1 2", "the same zone twice");
  refused("Node 1, zone DMA 1\nNode 0, zone DMA 1\n", 2, "nodes out of order");
}

TEST_CASE("buddyinfo: a file cut anywhere is refused, or is whole up to there") {
  const std::string text = test::slurp(FIXTURES "/kernel/linux-6.1-pressure/proc/buddyinfo");
  Buddyinfo whole, info;
  REQUIRE(parse_buddyinfo(text, whole));
  size_t accepted = 0;
  test::each_prefix(text, [&](std::string_view prefix) {
    if (!parse_buddyinfo(prefix, info)) return;
    ++accepted;
    REQUIRE(prefix.back() == '\n');
    REQUIRE(std::equal(info.blocks.begin(), info.blocks.end(), whole.blocks.begin()));
  });
  CHECK(accepted == whole.zones.size() - 1);
}
