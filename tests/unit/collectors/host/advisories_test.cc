// What the built-in list says of releases.
#include "collectors/host/advisories.h"

#include <doctest/doctest.h>

using namespace fencewatch;

namespace {

const Advisories& built_in() {
  static const Advisories advisories = Advisories::load("");
  return advisories;
}

// "ID verdict" of all advisories that say something of the release, in the list's order.
std::string verdicts(std::string_view release) {
  std::string out;
  for (size_t i = 0; i < built_in().size(); ++i) {
    const Verdict verdict = built_in().judge(i, release);
    if (verdict == Verdict::unknown) continue;
    if (!out.empty()) out += ", ";
    out.append(built_in().id(i)).append(" ").append(name(verdict));
  }
  return out;
}

std::string_view verdict(std::string_view id, std::string_view release) {
  for (size_t i = 0; i < built_in().size(); ++i) {
    if (built_in().id(i) == id) return name(built_in().judge(i, release));
  }
  FAIL("no advisory ", std::string(id));
  return {};
}

}  // namespace

// Releases that were seen, with the verdicts of the advisories' own sources: KYBA-202212-1011 (Kylin), the changelogs of
// src-openeuler/kernel, the commits named in advisories.yaml.
TEST_CASE("advisories: Kylin Server V10") {
  for (const char* release :
       {"4.19.90-17.ky10", "4.19.90-17.ky10.aarch64", "4.19.90-17.ky10.x86_64", "4.19.90-17.5.ky10", "4.19.90-23.6.v2101.ky10",
        "4.19.90-23.8.v2101.ky10.aarch64", "4.19.90-23.15.v2101.ky10", "4.19.90-24.4.v2101.ky10", "4.19.90-25.14.v2101.ky10",
        "4.19.90-25.16.v2101.ky10.x86_64", "4.19.90-25.17.v2101.ky10", "4.19.90-25.17.v2101.ky10.x86_64+debug"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == "KYBA-202212-1011 affected");
  }
  for (const char* release :
       {"4.19.90-23.32.v2101.ky10", "4.19.90-23.34.v2101.ky10", "4.19.90-23.48.v2101.ky10.x86_64", "4.19.90-25.22.v2101.ky10",
        "4.19.90-25.36.v2101.ky10", "4.19.90-25.44.v2101.ky10.aarch64", "4.19.90-25.44.1.v2101.ky10", "4.19.90-25.48.v2101.ky10"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == "KYBA-202212-1011 fixed");
  }
  for (const char* release : {"4.19.90-52.15.v2207.ky10.x86_64", "4.19.90-52.22.v2207.ky10", "4.19.90-52.39.v2207.ky10",
                              "4.19.90-52.40.v2207.ky10", "4.19.90-52.48.v2207.ky10.aarch64", "4.19.90-89.27.v2401.ky10"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == "KYBA-202212-1011 not_affected");
  }
}

TEST_CASE("advisories: a vendor's own tag, or another distribution, is unknown to all") {
  for (const char* release : {"4.19.90-25.2.v2101.gfb01.ky10",
                              "4.19.90-25.2.v2101.gfb01.ky10.aarch64",
                              "4.19.90-25.17.v2101.osc.sfc.6.10.0.0030.ky10.x86_64+debug",
                              "4.19.90-21.2.9.wa.x86_64",
                              "4.19.90-vhulk2001.1.0.0026.ns7.15",
                              "4.19.90-vhulk1912.2.1.0020",
                              "4.19.90-25.16.ky10.x86_64",
                              "4.19.90-26.1.v2101.ky10",
                              "4.19.90-25.16.v2101.ky11",
                              "4.19.90-25.16.v2101.ky10.x86_64.gfb01",
                              "4.19.90-17.gfb01.ky10.x86_64",
                              "4.19.90-19.ky10",
                              "4.19.90-19.ky10.x86_64",
                              "4.19.90-20.1.ky10.aarch64",
                              "4.19.90-25.16.v2101.ky10.x86_64.debug",
                              "4.19.90-25.16.v2101.ky10.x86_64-local",
                              "4.19.90-24.4.v2101.gfb02.a1.ky10.aarch64+debug",
                              "4.19.90-2012.4.0.0053.oe1.x86_64-dirty",
                              "4.19.90-2109.1.0.0108.up2.uel20.custom.x86_64",
                              "4.19.90-52.22.v2207.a.ky10",
                              "4.19.90-2105.3.0.0085.custom.oe1",
                              "4.19.90-2105.3.0.0085.oe1.x86_64.custom",
                              "4.19.90-2109.1.0.0108.uel20.x86_64-mine",
                              "4.19.91-2105.3.0.0085.oe1",
                              "5.14.0-162.6.1.el9_1.x86_64",
                              "4.18.0-80.11.2.el8_0.x86_64",
                              "3.10.0-1160.el7.x86_64",
                              "5.4.0-97-generic",
                              "6.1.0-18-amd64",
                              "6.1.0-56-cloud-amd64",
                              "6.6.0-rc1",
                              "6.6.0+",
                              "6.6",
                              "4.19.90-",
                              "4.19.90.",
                              "99999999999999999999.1.2",
                              "",
                              " ",
                              "4.19.84 ",
                              "4.19.84\n"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == "");
  }
}

TEST_CASE("advisories: openEuler and UOS, whose numbers are a year and month") {
  const std::string early = "openeuler-managed-pages affected, hotplug-min-free ";
  CHECK(verdicts("4.19.90-2003.4.0.0036.oe1.x86_64") == early + "affected, cma-lowmem-reserve affected, highatomic-fast affected");
  for (const char* release : {"4.19.90-2012.1.0.0050.oe1.aarch64", "4.19.90-2012.4.0.0053.oe1.x86_64", "4.19.90-2012.5.0.0054.oe1"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == early + "fixed, cma-lowmem-reserve fixed, highatomic-fast affected");
  }
  const std::string late = "openeuler-managed-pages fixed, hotplug-min-free fixed, cma-lowmem-reserve fixed, highatomic-fast ";
  for (const char* release :
       {"4.19.90-2105.3.0.0085.oe1.x86_64", "4.19.90-2105.3.0.0087.oe1", "4.19.90-2106.3.0.0095.oe1", "4.19.90-2109.1.0.0108.oe1.x86_64"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == late + "affected");
  }
  for (const char* release : {"4.19.90-2109.2.0.0109.oe1", "4.19.90-2112.4.0.0119.oe1.x86_64", "4.19.90-2202.1.0.0136.oe1.aarch64",
                              "4.19.90-2202.1.0.0136.1.oe1", "4.19.90-2404.2.0.0272.oe2003sp4.x86_64"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == late + "fixed");
  }
  CHECK(verdicts("4.19.140-2104.1.0.0056.oe1") == "openeuler-managed-pages affected");
  CHECK(verdicts("4.19.194-2105.9.0.0084.oe1") == "openeuler-managed-pages affected");
  CHECK(verdicts("4.19.194-2106.1.0.0085.oe1") == "openeuler-managed-pages fixed");
  for (const char* release : {"4.19.90-2106.3.0.0095.up2.uel20.x86_64", "4.19.90-2109.1.0.0108.up2.uel20", "4.19.90-2211.5.0.0178.22.uel20",
                              "4.19.90-2305.1.0.0199.56.uel20.x86_64", "4.19.90-2403.3.0.0270.84.uel20", "4.19-2201.4.0.0135.up1.uel20"}) {
    CAPTURE(release);
    CHECK(verdicts(release) == "openeuler-managed-pages fixed");
  }
  CHECK(verdicts("4.19.90-2012.5.0.0054.up1.uel20") == "openeuler-managed-pages affected");
  CHECK(verdicts("5.10.0-60.18.0.50.oe2203.x86_64") == "lowmem-ratio0 fixed");
  CHECK(verdicts("5.10.0-136.12.0.86.oe2203sp1.x86_64") == "highatomic-negative fixed, lowmem-ratio0 fixed");
}

TEST_CASE("advisories: kernel.org without a tag never had the miscount") {
  const std::string mainline = "KYBA-202212-1011 not_affected, openeuler-managed-pages not_affected, movable-steals-min ";
  CHECK(verdicts("3.10.108") == mainline + "affected");
  CHECK(verdicts("4.14.100") == mainline + "affected, pcp-batch-deferred affected, hotplug-min-free affected");
  CHECK(verdicts("4.19.79") == mainline + "affected, pcp-batch-deferred affected, hotplug-min-free affected");
  CHECK(verdicts("4.19.90") == mainline + "affected, pcp-batch-deferred fixed, hotplug-min-free affected");
  CHECK(verdicts("5.3.18") == mainline + "affected, pcp-batch-deferred fixed");
  CHECK(verdicts("5.15.100") ==
        mainline + "affected, pcp-batch-deferred fixed, hotplug-min-free fixed, highatomic-negative fixed, lowmem-ratio0 fixed");
  const std::string all = "pcp-batch-deferred fixed, hotplug-min-free fixed, highatomic-negative fixed, lowmem-ratio0 fixed";
  CHECK(verdicts("6.1.192") == mainline + "affected, " + all);
  CHECK(verdicts("6.12.117") == mainline + "fixed, " + all);
}

TEST_CASE("advisories: both sides of every boundary") {
  constexpr struct {
    const char *id, *before, *verdict_before, *from;
  } cases[] = {
      {"KYBA-202212-1011", "4.19.90-23.29.v2101.ky10", "affected", "4.19.90-23.30.v2101.ky10"},
      {"KYBA-202212-1011", "4.19.90-23.29.99.v2101.ky10", "affected", "4.19.90-23.30.1.v2101.ky10"},
      {"KYBA-202212-1011", "4.19.90-25.21.v2101.ky10", "affected", "4.19.90-25.22.v2101.ky10"},
      {"KYBA-202212-1011", "4.19.90-25.3.v2101.ky10", "affected", "4.19.90-25.100.v2101.ky10"},
      {"openeuler-managed-pages", "4.19.90-2105.2.0.0084.oe1", "affected", "4.19.90-2105.3.0.0000.oe1"},
      {"openeuler-managed-pages", "4.19.90-2105.2.9.0084.oe1", "affected", "4.19.90-2105.3.1.0085.oe1"},
      {"openeuler-managed-pages", "4.19.90-2104.9.0.0084.oe2003sp1", "affected", "4.19.90-2106.0.0.0085.oe2003sp1"},
      {"openeuler-managed-pages", "4.19.194-2106.0.9.0084.oe1", "affected", "4.19.194-2106.1.0.0085.oe1"},
      {"openeuler-managed-pages", "4.19.90-2105.2.0.0084.uel20", "affected", "4.19.90-2105.3.0.0085.uel20"},
      {"openeuler-managed-pages", "4.19-2105.2.0.0084.up1.uel20", "affected", "4.19-2105.3.0.0085.up1.uel20"},
      {"movable-steals-min", "6.5.13", "affected", "6.6.0"},
      {"pcp-batch-deferred", "4.14.153", "affected", "4.14.154"},
      {"pcp-batch-deferred", "4.19.83", "affected", "4.19.84"},
      {"pcp-batch-deferred", "5.3.10", "affected", "5.3.11"},
      {"pcp-batch-deferred", "5.2.99", "unknown", "5.4.0"},
      {"hotplug-min-free", "4.14.201", "affected", "4.14.202"},
      {"hotplug-min-free", "4.19.150", "affected", "4.19.151"},
      {"hotplug-min-free", "5.9.16", "unknown", "5.10.0"},
      {"hotplug-min-free", "4.19.90-2011.2.0.0045.oe1", "affected", "4.19.90-2011.3.0.0045.oe1"},
      {"cma-lowmem-reserve", "4.19.90-2010.1.9.0042.oe1", "affected", "4.19.90-2010.2.0.0042.oe1"},
      {"highatomic-fast", "4.19.90-2109.1.9.0108.oe1", "affected", "4.19.90-2109.2.0.0108.oe1"},
      {"highatomic-negative", "5.15.58", "affected", "5.15.59"},
      {"highatomic-negative", "5.18.19", "unknown", "5.19.0"},
      {"highatomic-negative", "5.10.0-126.0.0.66.oe2203", "unknown", "5.10.0-127.0.0.66.oe2203"},
      {"lowmem-ratio0", "5.13.19", "unknown", "5.14.0"},
      {"lowmem-ratio0", "5.10.0-5.0.0.13.oe1", "affected", "5.10.0-5.0.0.14.oe1"},
  };
  for (const auto& example : cases) {
    CAPTURE(example.id);
    CAPTURE(example.before);
    CHECK(verdict(example.id, example.before) == example.verdict_before);
    CHECK(verdict(example.id, example.from) == "fixed");
  }
}
