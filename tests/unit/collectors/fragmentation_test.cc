#include <doctest/doctest.h>

#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

namespace fencewatch {
extern const Spec fragmentation;

using test::MemoryNode;

namespace {

std::string shown(std::string_view buddyinfo) {
  MemoryNode node;
  node.files["proc/buddyinfo"] = buddyinfo;
  return test::shown(fragmentation, node);
}

}  // namespace

// 4 + 2·2 + 0·4 + 3·8 = 32 pages; blocks below 2 pages hold 4 of them, below 4 and below 8 pages 8.
TEST_CASE("fragmentation: the share of an order lies in all smaller blocks") {
  CHECK(shown("Node 0, zone   Normal      4      2      0      3 \n") ==
        R"(fencewatch_zone_free_blocks{numa_node="0",zone="Normal",order="0"} 4
fencewatch_zone_free_blocks{numa_node="0",zone="Normal",order="1"} 2
fencewatch_zone_free_blocks{numa_node="0",zone="Normal",order="2"} 0
fencewatch_zone_free_blocks{numa_node="0",zone="Normal",order="3"} 3
fencewatch_zone_unusable_free_ratio{numa_node="0",zone="Normal",order="0"} 0
fencewatch_zone_unusable_free_ratio{numa_node="0",zone="Normal",order="1"} 0.125
fencewatch_zone_unusable_free_ratio{numa_node="0",zone="Normal",order="2"} 0.25
fencewatch_zone_unusable_free_ratio{numa_node="0",zone="Normal",order="3"} 0.25
fencewatch_zones_unusable_free_ratio_max 0.25
)");
}

TEST_CASE("fragmentation: nothing but single pages is of no use to any larger order; no free page, no share") {
  CHECK(shown("Node 0, zone DMA 0 0\nNode 3, zone Movable 7 0\n") ==
        R"(fencewatch_zone_free_blocks{numa_node="0",zone="DMA",order="0"} 0
fencewatch_zone_free_blocks{numa_node="0",zone="DMA",order="1"} 0
fencewatch_zone_free_blocks{numa_node="3",zone="Movable",order="0"} 7
fencewatch_zone_free_blocks{numa_node="3",zone="Movable",order="1"} 0
fencewatch_zone_unusable_free_ratio{numa_node="3",zone="Movable",order="0"} 0
fencewatch_zone_unusable_free_ratio{numa_node="3",zone="Movable",order="1"} 1
)");
}

TEST_CASE("fragmentation: the worst zone but DMA") {
  const std::string text = shown("Node 0, zone DMA 1 0 0 0\nNode 0, zone DMA32 4 2 0 3\nNode 1, zone Normal 8 4 0 2\n");
  CHECK(text.ends_with("\nfencewatch_zones_unusable_free_ratio_max 0.5\n"));
}

TEST_CASE("fragmentation: more pages than any machine has give a share nevertheless") {
  const std::string most = std::to_string(UINT64_MAX);
  const std::string text = shown("Node 0, zone Normal " + most + " " + most + "\n");
  CHECK(text.find("ratio{numa_node=\"0\",zone=\"Normal\",order=\"1\"} 0.333333") != text.npos);
}

TEST_CASE("fragmentation: faults name file and line") {
  MemoryNode node;
  test::check_fault(fragmentation, node, Code::missing, "proc/buddyinfo", 0);
  node.files["proc/buddyinfo"] = "Node 0, zone DMA 1\nNode 0, zone DMA32 x\n";
  test::check_fault(fragmentation, node, Code::malformed, "proc/buddyinfo", 2);
}

}  // namespace fencewatch
