#include <doctest/doctest.h>

#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

namespace fencewatch {
extern const Spec reclaim;

using test::MemoryNode;

namespace {

std::string shown(std::string_view vmstat) {
  MemoryNode node;
  node.files["proc/vmstat"] = vmstat;
  return test::shown(reclaim, node);
}

}  // namespace

TEST_CASE("reclaim: stalls in one counter, reclaim by zone (before 4.8)") {
  CHECK(shown("nr_file_pages 5\npgscan_kswapd_dma 1\npgscan_kswapd_normal 2\npgsteal_direct_dma32 3\npgsteal_direct_movable 4\n"
              "pageoutrun 6\nallocstall 7\n") ==
        R"(fencewatch_reclaim_direct_stalls_total{zone="all"} 7
fencewatch_reclaim_scanned_pages_total{by="kswapd"} 3
fencewatch_reclaim_stolen_pages_total{by="direct"} 7
fencewatch_kswapd_wakes_total 6
fencewatch_page_cache_pages 5
)");
}

TEST_CASE("reclaim: stalls by zone, everything that newer kernels print") {
  CHECK(shown("nr_file_pages 1\nworkingset_refault_anon 2\nworkingset_refault_file 3\nallocstall_dma 4\nallocstall_dma32 5\n"
              "allocstall_normal 6\nallocstall_high 7\nallocstall_movable 8\nallocstall_device 9\npgmajfault 10\npgsteal_kswapd 11\n"
              "pgsteal_direct 12\npgsteal_khugepaged 13\npgsteal_proactive 14\npgscan_kswapd 15\npgscan_direct 16\npgscan_khugepaged 17\n"
              "pgscan_proactive 18\npgscan_direct_throttle 99\nkswapd_low_wmark_hit_quickly 19\nkswapd_high_wmark_hit_quickly 20\n"
              "pageoutrun 21\ncompact_stall 22\ncompact_fail 23\ncompact_success 24\n") ==
        R"(fencewatch_reclaim_direct_stalls_total{zone="DMA"} 4
fencewatch_reclaim_direct_stalls_total{zone="DMA32"} 5
fencewatch_reclaim_direct_stalls_total{zone="Normal"} 6
fencewatch_reclaim_direct_stalls_total{zone="HighMem"} 7
fencewatch_reclaim_direct_stalls_total{zone="Movable"} 8
fencewatch_reclaim_direct_stalls_total{zone="Device"} 9
fencewatch_kswapd_watermark_hits_total{watermark="low"} 19
fencewatch_kswapd_watermark_hits_total{watermark="high"} 20
fencewatch_reclaim_scanned_pages_total{by="kswapd"} 15
fencewatch_reclaim_scanned_pages_total{by="direct"} 16
fencewatch_reclaim_scanned_pages_total{by="khugepaged"} 17
fencewatch_reclaim_scanned_pages_total{by="proactive"} 18
fencewatch_reclaim_stolen_pages_total{by="kswapd"} 11
fencewatch_reclaim_stolen_pages_total{by="direct"} 12
fencewatch_reclaim_stolen_pages_total{by="khugepaged"} 13
fencewatch_reclaim_stolen_pages_total{by="proactive"} 14
fencewatch_refaults_total{kind="anon"} 2
fencewatch_refaults_total{kind="file"} 3
fencewatch_kswapd_wakes_total 21
fencewatch_compaction_stalls_total 22
fencewatch_compaction_failures_total 23
fencewatch_compaction_successes_total 24
fencewatch_major_page_faults_total 10
fencewatch_page_cache_pages 1
)");
}

TEST_CASE("reclaim: refaults of both kinds in one counter (before 5.9)") {
  CHECK(shown("workingset_refault 8\n") == "fencewatch_refaults_total{kind=\"all\"} 8\n");
}

TEST_CASE("reclaim: faults name file and line") {
  MemoryNode node;
  test::check_fault(reclaim, node, Code::missing, "proc/vmstat", 0);
  node.files["proc/vmstat"] = "nr_file_pages 5\npageoutrun 6\npgmajfault -1\n";
  test::check_fault(reclaim, node, Code::malformed, "proc/vmstat", 3);
  node.files["proc/vmstat"] = "nr_file_pages 5\npageoutr";
  test::check_fault(reclaim, node, Code::malformed, "proc/vmstat", 2);
}

}  // namespace fencewatch
