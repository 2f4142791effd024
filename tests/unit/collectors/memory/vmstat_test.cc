#include "collectors/memory/vmstat.h"

#include <doctest/doctest.h>

#include "tests/unit/prefixes.h"
#include "tests/unit/trees.h"

using namespace fencewatch;

namespace {

Vmstat parsed(std::string_view text) {
  Vmstat out;
  const Status status = parse_vmstat(text, out);
  CAPTURE(status.line);
  CAPTURE(status.text);
  REQUIRE(status);
  return out;
}

void refused(std::string_view text, uint32_t line, std::string_view what) {
  Vmstat out;
  const Status status = parse_vmstat(text, out);
  CHECK(name(status.code) == name(Code::malformed));
  CHECK(status.line == line);
  CHECK(status.text == what);
}

std::vector<Vm> present(const Vmstat& vmstat) {
  std::vector<Vm> items;
  for (size_t i = 0; i < kVmItems; ++i) {
    if (vmstat[static_cast<Vm>(i)]) items.push_back(static_cast<Vm>(i));
  }
  return items;
}

// mm/vmstat.c vmstat_text[] of 2.6.32, 3.10, 5.10 and 6.18: what we read of each, and what looks like it.
constexpr std::string_view k2_6 =
    "nr_free_pages 3934\nnr_file_pages 11\nnr_mapped 5\npgpgin 9\npgmajfault 7\npgrefill_dma 1\npgsteal_dma 1\npgsteal_normal 2\n"
    "pgscan_kswapd_dma 3\npgscan_kswapd_dma32 4\npgscan_kswapd_normal 5\npgscan_kswapd_movable 6\npgscan_direct_dma 10\n"
    "pgscan_direct_normal 20\npgscan_direct_high 30\nslabs_scanned 8\nkswapd_steal 99\npageoutrun 12\nallocstall 13\npgrotate 1\n";
constexpr std::string_view k3_10 =
    "nr_file_pages 100\npgmajfault 70\npgsteal_kswapd_dma 1\npgsteal_kswapd_dma32 2\npgsteal_kswapd_normal 4\npgsteal_kswapd_movable 8\n"
    "pgsteal_direct_dma 16\npgsteal_direct_normal 32\npgscan_kswapd_dma 64\npgscan_direct_dma 128\npgscan_direct_movable 256\n"
    "pgscan_direct_throttle 999\nzone_reclaim_failed 0\nkswapd_low_wmark_hit_quickly 21\nkswapd_high_wmark_hit_quickly 22\npageoutrun 23\n"
    "allocstall 24\ncompact_stall 31\ncompact_fail 32\ncompact_success 33\n";
constexpr std::string_view k5_10 =
    "nr_file_pages 1\nworkingset_refault_anon 2\nworkingset_refault_file 3\nworkingset_activate_anon 999\nallocstall_dma "
    "4\nallocstall_dma32 5\n"
    "allocstall_normal 6\nallocstall_movable 7\npgskip_dma 999\npgmajfault 8\npgsteal_kswapd 9\npgsteal_direct 10\npgscan_kswapd 11\n"
    "pgscan_direct 12\npgscan_direct_throttle 999\npgscan_anon 999\npgscan_file 999\npgsteal_anon 999\nkswapd_low_wmark_hit_quickly 13\n"
    "oom_kill 14\n";

}  // namespace

TEST_CASE("vmstat: 2.6 and 3.10 print reclaim by zone and stalls as one") {
  Vmstat vmstat = parsed(k2_6);
  CHECK(vmstat[Vm::allocstall] == 13);
  CHECK(vmstat[Vm::pageoutrun] == 12);
  CHECK(vmstat[Vm::pgmajfault] == 7);
  CHECK(vmstat[Vm::nr_file_pages] == 11);
  CHECK(vmstat[Vm::pgscan_kswapd] == 3 + 4 + 5 + 6);
  CHECK(vmstat[Vm::pgscan_direct] == 10 + 20 + 30);
  CHECK(present(vmstat).size() == 6);  // pgsteal_* was not told apart, nothing else was there

  vmstat = parsed(k3_10);
  CHECK(vmstat[Vm::allocstall] == 24);
  CHECK(vmstat[Vm::pgsteal_kswapd] == 15);
  CHECK(vmstat[Vm::pgsteal_direct] == 48);
  CHECK(vmstat[Vm::pgscan_kswapd] == 64);
  CHECK(vmstat[Vm::pgscan_direct] == 128 + 256);  // without pgscan_direct_throttle
  CHECK(vmstat[Vm::kswapd_low_wmark_hit_quickly] == 21);
  CHECK(vmstat[Vm::kswapd_high_wmark_hit_quickly] == 22);
  CHECK(vmstat[Vm::compact_stall] == 31);
  CHECK(vmstat[Vm::compact_fail] == 32);
  CHECK(vmstat[Vm::compact_success] == 33);
  for (const Vm absent : {Vm::oom_kill, Vm::allocstall_normal, Vm::workingset_refault, Vm::pgscan_khugepaged}) CHECK(!vmstat[absent]);
}

TEST_CASE("vmstat: 5.10 prints reclaim as one and stalls by zone; what only looks alike is not counted") {
  const Vmstat vmstat = parsed(k5_10);
  CHECK(vmstat[Vm::allocstall_dma] == 4);
  CHECK(vmstat[Vm::allocstall_dma32] == 5);
  CHECK(vmstat[Vm::allocstall_normal] == 6);
  CHECK(vmstat[Vm::allocstall_movable] == 7);
  CHECK(vmstat[Vm::pgsteal_kswapd] == 9);
  CHECK(vmstat[Vm::pgsteal_direct] == 10);
  CHECK(vmstat[Vm::pgscan_kswapd] == 11);
  CHECK(vmstat[Vm::pgscan_direct] == 12);
  CHECK(vmstat[Vm::workingset_refault_anon] == 2);
  CHECK(vmstat[Vm::workingset_refault_file] == 3);
  CHECK(vmstat[Vm::oom_kill] == 14);
  for (const Vm absent : {Vm::allocstall, Vm::allocstall_high, Vm::allocstall_device, Vm::workingset_refault, Vm::compact_stall}) {
    CHECK(!vmstat[absent]);
  }
}

TEST_CASE("vmstat: what each recorded kernel has of what changed") {
  struct {
    const char* tree;
    bool one_refault, stall_device, khugepaged, proactive;
  } const cases[] = {
      {"linux-4.19-miscount", true, false, false, false},
      {"linux-6.1-pressure", false, true, false, false},
      {"linux-6.12-healthy", false, true, true, false},
      {"linux-6.18-healthy", false, true, true, true},
  };
  for (const auto& example : cases) {
    CAPTURE(example.tree);
    const Vmstat vmstat = parsed(test::slurp(FIXTURES "/kernel/" + std::string(example.tree) + "/proc/vmstat"));
    for (const Vm always : {Vm::allocstall_normal, Vm::oom_kill, Vm::pageoutrun, Vm::pgmajfault, Vm::pgscan_kswapd, Vm::nr_file_pages}) {
      CHECK(vmstat[always]);
    }
    CHECK(!vmstat[Vm::allocstall]);
    CHECK(vmstat[Vm::workingset_refault].has_value() == example.one_refault);
    CHECK(vmstat[Vm::workingset_refault_anon].has_value() == !example.one_refault);
    CHECK(vmstat[Vm::allocstall_device].has_value() == example.stall_device);
    CHECK(vmstat[Vm::pgscan_khugepaged].has_value() == example.khugepaged);
    CHECK(vmstat[Vm::pgsteal_proactive].has_value() == example.proactive);
  }
}

TEST_CASE("vmstat: lines that are nobody's do no harm") {
  const Vmstat vmstat = parsed("  \n\n537792\nnr_file_pages 3\nsomething_new yes\nOOM_KILL 9\noom_killer 8\noom_kil 7\n oom_kill   5\n");
  CHECK(vmstat[Vm::oom_kill] == 5);
  CHECK(present(vmstat).size() == 2);
}

TEST_CASE("vmstat: what cannot be is refused with its line") {
  refused("", 1, "the file is empty");
  refused("oom_kill 1", 1, "the file is cut off");
  refused("pgmajfault 1\noom_kill 1\npageou", 3, "the file is cut off");
  refused("garbage\n", 1, "none of the keys is known");
  for (const char* value : {"", " ", " -1", " x", " 1x", " 1 2", " 0x1", " 1.5", " 18446744073709551616"}) {
    CAPTURE(value);
    refused("pgmajfault 1\noom_kill" + std::string(value) + "\n", 2, "no number behind the key");
  }
  refused("oom_kill 1\npgscan_kswapd_dma 18446744073709551615\npgscan_kswapd_normal 1\n", 3, "the sum of the zones does not fit");
  CHECK(parsed("oom_kill 18446744073709551615\n")[Vm::oom_kill] == UINT64_MAX);
}

TEST_CASE("vmstat: a second text leaves nothing of the first") {
  Vmstat vmstat;
  REQUIRE(parse_vmstat(k5_10, vmstat));
  REQUIRE(parse_vmstat("pgmajfault 3\n", vmstat));
  CHECK(present(vmstat) == std::vector<Vm>{Vm::pgmajfault});
}

TEST_CASE("vmstat: a file cut anywhere is refused, or is whole up to there") {
  for (const std::string& text : {std::string(k3_10), test::slurp(FIXTURES "/kernel/linux-6.18-healthy/proc/vmstat")}) {
    const Vmstat whole = parsed(text);
    size_t accepted = 0;
    test::each_prefix(text, [&](std::string_view prefix) {
      Vmstat vmstat;
      if (!parse_vmstat(prefix, vmstat)) return;
      ++accepted;
      REQUIRE(prefix.back() == '\n');
      for (const Vm item : present(vmstat)) REQUIRE(*vmstat[item] <= *whole[item]);  // less where zones are summed
    });
    CHECK(accepted > 10);
  }
}
