#include "collectors/memory/zoneinfo.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

#include "tests/unit/allocations.h"
#include "tests/unit/prefixes.h"
#include "tests/unit/trees.h"

using namespace fencewatch;

namespace {

std::string fixture(const char* name) {
  std::string text = test::slurp(std::string(FIXTURES "/kernel/") + name + "/proc/zoneinfo");
  REQUIRE(!text.empty());
  return text;
}

size_t stat(std::string_view name) {
  const auto found = std::find(std::begin(kZoneStats), std::end(kZoneStats), name);
  REQUIRE(found != std::end(kZoneStats));
  return static_cast<size_t>(found - std::begin(kZoneStats));
}

Zoneinfo parsed(std::string_view text) {
  Zoneinfo out;
  const Status status = parse_zoneinfo(text, out);
  CAPTURE(status.line);
  CAPTURE(status.text);
  REQUIRE(status);
  return out;
}

void refused(std::string_view text, uint32_t line, std::string_view what) {
  Zoneinfo out;
  const Status status = parse_zoneinfo(text, out);
  CHECK(status.code == Code::malformed);
  CHECK(status.line == line);
  CHECK(status.text == what);
}

// 2.6 and 3.4: no managed, `scanned`, protections and pagesets behind the zone's own counters, populated zones only.
constexpr std::string_view kOld =
    "Node 0, zone      DMA\n"
    "  pages free     3934\n        min      64\n        low      80\n        high     96\n"
    "        scanned  0 (aa: 0 ia: 0 af: 0 if: 0)\n        spanned  4095\n        present  3830\n"
    "    nr_free_pages 3934\n    nr_inactive_anon 7\n    nr_mlock     0\n    numa_hit     1\n"
    "        protection: (0, 3000, 8050, 8050)\n"
    "  pagesets\n    cpu: 0\n              count: 0\n              high:  186\n              batch: 31\n  vm stats threshold: 8\n"
    "  all_unreclaimable: 1\n  prev_priority:     12\n  start_pfn:         0\n  inactive_ratio:    1\n"
    "Node 1, zone   Normal\n"
    "  pages free     9000\n        min      100\n        low      125\n        high     150\n"
    "        scanned  0\n        spanned  20000\n        present  19000\n"
    "    nr_free_pages 9000\n    nr_page_table_pages 12\n"
    "        protection: (0, 0, 0, 0)\n  pagesets\n  all_unreclaimable: 0\n  start_pfn:         1048576\n  inactive_ratio:    3\n";

// 32 bit: HighMem; boost, promo and cma; per-node stats first shown in the second zone; a nameless line.
constexpr std::string_view kNew =
    "Node 0, zone      DMA\n"
    "  pages free     0\n        boost    0\n        min      0\n        low      0\n        high     0\n        promo    0\n"
    "        spanned  0\n        present  0\n        managed  0\n        cma      0\n        protection: (0, 0, 0, 0)\n"
    "Node 0, zone   Normal\n"
    "  per-node stats\n      nr_inactive_anon 11\n      nr_slab_reclaimable 12\n                   537792\n      nr_written   99\n"
    "      nr_page_table_pages 13\n      min          4\n"
    "  pages free     500\n        boost    40\n        min      140\n        low      165\n        high     190\n        promo    215\n"
    "        spanned  1000\n        present  900\n        managed  800\n        cma      64\n        something_new yes\n"
    "        protection: (0, 0, 30, 30)\n      nr_free_pages 500\n      nr_zone_write_pending 5\n      nr_free_cma  6\n      numa_hit     "
    "70\n"
    "  pagesets\n    cpu: 0\n              count:    3\n              high:     6\n              high_min: 1\n              high_max: 9\n"
    "  vm stats threshold: 4\n  node_unreclaimable:  0\n  start_pfn:           4096\n  reserved_highatomic: 0\n"
    "Node 0, zone  HighMem\n"
    "  pages free     10\n        boost    0\n        min      32\n        low      40\n        high     48\n        promo    56\n"
    "        spanned  100\n        present  100\n        managed  100\n        cma      0\n        protection: (0, 0, 0, 0)\n"
    "Node 0, zone  Movable\n"
    "  pages free     0\n        boost    0\n        min      32\n        low      32\n        high     32\n        promo    32\n"
    "        spanned  0\n        present  0\n        managed  0\n        cma      0\n        protection: (0, 0, 0, 0)\n";

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out(text);
  const size_t at = out.find(what);
  REQUIRE(at != out.npos);
  return out.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("zoneinfo: a file without managed, with scanned, and with the protections behind the counters") {
  const Zoneinfo info = parsed(kOld);
  REQUIRE(info.zones.size() == 2);
  const Zone& dma = info.zones[0];
  CHECK(dma.numa_node == 0);
  CHECK(dma.name == "DMA");
  CHECK(dma.free == 3934);
  CHECK(dma.high == 96);
  CHECK(dma.spanned == 4095);
  CHECK(dma.present == 3830);
  CHECK(!dma.managed);
  CHECK(!dma.boost);
  CHECK(!dma.promo);
  CHECK(dma.phantom() == 0);
  CHECK(dma.stats[stat("inactive_anon")] == 7);
  CHECK(dma.stats.has(stat("mlock")));
  CHECK(!dma.stats.has(stat("dirty")));
  CHECK(dma.protections == 4);
  CHECK(dma.protection[2] == 8050);
  CHECK(info.zones[1].numa_node == 1);
  CHECK(info.zones[1].stats[stat("page_table_pages")] == 12);
  CHECK(info.nodes.empty());
  CHECK(!info.prints_promo());
}

TEST_CASE("zoneinfo: boost, promo, a nameless line and per-node stats in whichever zone has them") {
  const Zoneinfo info = parsed(kNew);
  REQUIRE(info.zones.size() == 4);
  const Zone& normal = info.zones[1];
  CHECK(normal.boost == 40);
  CHECK(normal.min == 140);   // not the line of that name among the per-node stats
  CHECK(normal.high == 190);  // not a pageset's
  CHECK(normal.promo == 215);
  CHECK(normal.managed == 800);
  CHECK(normal.stats[stat("zone_write_pending")] == 5);
  CHECK(normal.stats[stat("free_cma")] == 6);
  CHECK(!normal.stats.has(stat("inactive_anon")));
  REQUIRE(info.nodes.size() == 1);
  CHECK(info.nodes[0].numa_node == 0);
  CHECK(info.nodes[0].stats[stat("inactive_anon")] == 11);
  CHECK(info.nodes[0].stats[stat("page_table_pages")] == 13);
  CHECK(!info.nodes[0].stats.has(stat("zone_write_pending")));
  CHECK(!info.zones[0].populated());
  CHECK(info.zones[3].min == 32);
  CHECK(info.prints_promo());
}

TEST_CASE("zoneinfo: every fixture") {
  struct {
    const char* name;
    size_t zones, nodes;
  } const cases[] = {{"linux-4.19-miscount", 10, 2},  {"linux-4.19-miscount-dma32", 10, 2}, {"linux-4.19-miscount-2x48cpu", 10, 2},
                     {"linux-6.1-healthy", 10, 2},    {"linux-6.12-miscount", 10, 2},       {"linux-6.18-healthy", 5, 1},
                     {"linux-6.1-64cpu-8node", 40, 8}};
  for (const auto& example : cases) {
    CAPTURE(example.name);
    const std::string text = fixture(example.name);
    const Zoneinfo info = parsed(text);
    CHECK(info.zones.size() == example.zones);
    CHECK(info.nodes.size() == example.nodes);
    for (const Zone& zone : info.zones) {
      CHECK(zone.free);
      CHECK(zone.managed);
      CHECK(zone.protections == 5);
      CHECK(zone.stats.has(stat("zone_write_pending")) == zone.populated());
    }
  }
}

TEST_CASE("zoneinfo: the phantom of a miscounted machine") {
  const std::string text = fixture("linux-4.19-miscount");
  const Zoneinfo info = parsed(text);
  const Zone& movable = info.zones[3];
  CHECK(movable.name == "Movable");
  CHECK(movable.present == 0);
  CHECK(movable.managed == 88010);
  CHECK(movable.phantom() == 88010);
  CHECK(info.zones[2].phantom() == 0);
}

TEST_CASE("zoneinfo: what cannot be is refused with its line") {
  refused("", 1, "no zone");
  refused("a\nb\n", 1, "no zone");
  refused("Node 0, zone DMA\n  pages free 1", 2, "the file is cut off");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node 1; zone   Normal"), 24, "no header of a zone");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node -1, zone   Normal"), 24, "no header of a zone");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node 1024, zone   Normal"), 24, "no header of a zone");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node"), 24, "no header of a zone");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node 1, zone   "), 24, "no name of a zone");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node 1, zone   Nor\xffmal"), 24, "no name of a zone");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node 1, zone   Normal and more"), 24, "no name of a zone");
  refused(replaced(kOld, "Node 1, zone   Normal", "Node 0, zone   DMA"), 24, "the same zone twice");
  refused(replaced(kOld, "Node 0, zone      DMA", "Node 2, zone      DMA"), 24, "nodes out of order");
  refused(replaced(kOld, "        low      80", "        low      8x"), 4, "no number of pages");
  refused(replaced(kOld, "        low      80", "        low"), 4, "no number of pages");
  refused(replaced(kOld, "        low      80", "        low      -1"), 4, "no number of pages");
  refused(replaced(kOld, "        low      80", "        low      99999999999999999999"), 4, "no number of pages");
  refused(replaced(kOld, "        low      80", "        min      64"), 4, "the same line twice in a zone");
  refused(replaced(kOld, "nr_inactive_anon 7", "nr_inactive_anon"), 10, "no number of pages");
  refused(replaced(kOld, "(0, 3000, 8050, 8050)", "(0, 3000, 8050, 8050"), 13, "no list of protections");
  refused(replaced(kOld, "(0, 3000, 8050, 8050)", "(0, 3000, , 8050)"), 13, "no number of pages");
  refused(replaced(kOld, "(0, 3000, 8050, 8050)", "(1, 2, 3, 4, 5, 6, 7, 8, 9)"), 13, "too many protections");
  refused(replaced(kNew, "      nr_written   99\n", "  per-node stats\n"), 18, "per-node stats twice");
  std::string many;
  for (char name = 'A'; name <= 'I'; ++name) many += std::string("Node 0, zone ") + name + "\n";
  refused(many, 9, "too many zones in a node");
  // Cut between two lines.
  refused(kNew.substr(0, kNew.rfind("        managed  0")), 59, "the last zone is cut off");
  refused(kOld.substr(0, kOld.rfind("  start_pfn")), 24, "the last zone is cut off");
  refused(kOld.substr(0, kOld.rfind("  pagesets")), 24, "the last zone is cut off");
}

TEST_CASE("zoneinfo: a file cut anywhere is refused, or is whole up to there") {
  for (const char* name : {"linux-4.19-miscount", "linux-6.18-healthy"}) {
    const std::string text = fixture(name);
    const Zoneinfo whole = parsed(text);
    Zoneinfo info;
    size_t accepted = 0;
    test::each_prefix(text, [&](std::string_view prefix) {
      if (!parse_zoneinfo(prefix, info)) return;
      ++accepted;
      REQUIRE(text.compare(prefix.size(), 4, "Node") == 0);
      for (size_t i = 0; i < info.zones.size(); ++i) {
        REQUIRE(info.zones[i].name == whole.zones[i].name);
        REQUIRE(info.zones[i].managed == whole.zones[i].managed);
      }
    });
    CHECK(accepted == whole.zones.size() - 1);
  }
}

TEST_CASE("zoneinfo: protection columns get names where these are certain") {
  const auto columns = [](std::string_view text) {
    const ColumnNames names = protection_columns(parsed(text));
    std::string out;
    for (const std::string_view name : names) out += std::string(name) + ",";
    return out;
  };
  const auto zone = [](std::string_view header, std::string_view protections) {
    return std::string(header) + "\n  pages free 1\n        protection: (" + std::string(protections) + ")\n";
  };
  CHECK(columns(kNew) == "DMA,Normal,HighMem,Movable,,,,,");  // all zones are printed
  CHECK(columns(zone("Node 0, zone DMA", "0, 1, 2, 2") + zone("Node 0, zone DMA32", "0, 0, 1, 1") +
                zone("Node 1, zone Normal", "0, 0, 0, 0")) == "DMA,DMA32,Normal,Movable,,,,,");
  CHECK(columns(zone("Node 0, zone Normal", "0, 1, 1, 0") + zone("Node 0, zone HighMem", "0, 0, 0, 0")) ==
        "DMA,Normal,HighMem,Movable,,,,,");
  CHECK(columns(zone("Node 0, zone DMA", "0, 1, 1")) == "DMA,Normal,Movable,,,,,,");
  CHECK(columns(zone("Node 0, zone DMA", "0, 1, 1, 1")) == "DMA,,,,,,,,");  // DMA32, or HighMem, or Device
  CHECK(columns(zone("Node 0, zone NOMERGE", "0, 1, 1, 1")) == ",,,,,,,,");
}

TEST_CASE("zoneinfo: the second reading allocates nothing") {
  const std::string text = fixture("linux-6.1-64cpu-8node");
  Zoneinfo info;
  REQUIRE(parse_zoneinfo(text, info));
  const uint64_t before = test::thread_allocations();
  const Status status = parse_zoneinfo(text, info);
  CHECK(test::thread_allocations() == before);
  CHECK(status);
}
