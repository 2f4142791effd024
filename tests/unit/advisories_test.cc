#include "collectors/advisories.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tree.h"

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

std::string fault(const std::string& text) {
  try {
    const Advisories read(text, "a.yaml");
    return "none: " + std::to_string(read.size()) + " advisories";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

// A list of one family and one advisory, of which a test changes a line.
constexpr std::string_view kFamily = "families:\n  - name: red\n    pattern: '(\\d+\\.\\d+)\\.red'\n";
constexpr std::string_view kAdvisory = "advisories:\n  - id: one\n    summary: It\n    source: here\n    families:\n      red: affected\n";
const std::string kGood = std::string(kFamily).append(kAdvisory);

std::string changed(std::string_view from, std::string_view to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
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

TEST_CASE("advisories: a list is judged as it says") {
  const Advisories list(
      "families:\n"
      "  - {name: two, pattern: '(\\d+)-x(\\d+)(?:-(\\d+\\.\\d+))?'}\n"
      "  - {name: rest, pattern: '.*'}\n"
      "advisories:\n"
      "  - {id: first, summary: a, source: b, families: {two: {fixed_in: '3.4', earlier: not_affected}, rest: unknown}}\n"
      "  - {id: second, summary: a, source: b, families: {rest: fixed, two: affected}}\n"
      "  - {id: third, summary: a, source: b, families: {}}\n",
      "a.yaml");
  REQUIRE(list.size() == 3);
  CHECK(list.id(1) == "second");
  CHECK(list.judge(0, "3-x3") == Verdict::not_affected);
  CHECK(list.judge(0, "3-x3-9.9") == Verdict::not_affected);
  CHECK(list.judge(0, "3-x4") == Verdict::fixed);
  CHECK(list.judge(0, "10-x0") == Verdict::fixed);
  CHECK(list.judge(0, "3-y4") == Verdict::unknown);
  CHECK(list.judge(1, "3-x4") == Verdict::fixed);  // the first of its families that matches
  CHECK(list.judge(2, "3-x4") == Verdict::unknown);
}

TEST_CASE("advisories: what is wrong with a list is told with its line") {
  CHECK(fault(kGood) == "none: 1 advisories");
  CHECK(fault("") == "a.yaml:1: not a map");
  CHECK(fault("- a\n") == "a.yaml:1: not a map");
  CHECK(fault("# nothing but this\n") == "a.yaml:1: not a map");
  CHECK(fault(std::string(kFamily)) == "a.yaml:1: advisories is missing");
  CHECK(fault(std::string(kAdvisory)) == "a.yaml:1: families is missing");
  CHECK(fault(kGood + "---\nfamilies: []\n") == "a.yaml:10: more than one document");
  CHECK(fault("families #\n, x") == "a.yaml:2: more than one document");  // yaml-cpp sees endless documents here
  // Unknown and missing keys, and those that are there twice.
  CHECK(fault(kGood + "rules: []\n") == "a.yaml:10: unknown key rules");
  CHECK(fault(changed("    pattern:", "    regex:")) == "a.yaml:3: unknown key regex");
  CHECK(fault(changed("    summary: It", "    about: It")) == "a.yaml:6: unknown key about");
  CHECK(fault(changed("red: affected", "red: {fixed: '1'}")) == "a.yaml:9: unknown key fixed");
  CHECK(fault(changed("    pattern: '(\\d+\\.\\d+)\\.red'\n", "")) == "a.yaml:2: pattern is missing");
  CHECK(fault(changed("    source: here\n", "")) == "a.yaml:5: source is missing");
  CHECK(fault(changed("  - id: one\n    summary", "  - summary")) == "a.yaml:5: id is missing");
  CHECK(fault(changed("red: affected", "red: {earlier: unknown}")) == "a.yaml:9: fixed_in is missing");
  CHECK(fault(kGood + "advisories: []\n") == "a.yaml:10: a second advisories");
  CHECK(fault(kGood + "      red: fixed\n") == "a.yaml:10: a second red");
  CHECK(fault(kGood + "  - {id: one, summary: a, source: b, families: {}}\n") == "a.yaml:10: a second advisory one");
  CHECK(fault(changed("advisories:", "  - {name: red, pattern: x}\nadvisories:")) == "a.yaml:4: a second family red");
  // Of another type than asked for.
  CHECK(fault("families: red\nadvisories: []\n") == "a.yaml:1: families is not a list");
  CHECK(fault("families: []\nadvisories:\n  one: two\n") == "a.yaml:3: advisories is not a list");
  CHECK(fault("families: [red]\nadvisories: []\n") == "a.yaml:1: not a map");
  CHECK(fault(changed("name: red", "name: [red]")) == "a.yaml:2: name is not a word or text");
  CHECK(fault(changed("id: one", "id:")) == "a.yaml:5: id has no value");
  CHECK(fault(changed("red: affected", "red:")) == "a.yaml:9: red has no value");
  CHECK(fault(changed("red: affected", "red: {fixed_in: }")) == "a.yaml:9: fixed_in has no value");
  CHECK(fault(changed("summary: It", "summary: {}")) == "a.yaml:6: summary is not a word or text");
  CHECK(fault(changed("red: affected", "red: [affected]")) == "a.yaml:9: not a map");
  CHECK(fault(changed("    families:\n      red: affected", "    families: red")) == "a.yaml:8: not a map");
  CHECK(fault(changed("red: affected", "[red]: affected")) == "a.yaml:9: key is not a word or text");
  // Values that are nothing.
  CHECK(fault(changed("red: affected", "red: broken")) == "a.yaml:9: unknown status broken");
  CHECK(fault(changed("red: affected", "blue: affected")) == "a.yaml:9: unknown family blue");
  CHECK(fault(changed("red: affected", "red: {fixed_in: '1.2', earlier: never}")) == "a.yaml:9: unknown status never");
  for (const char* version : {"1..2", "1.", ".1", "v1", "1.x", "-1", "1 2", "18446744073709551616"}) {
    CAPTURE(version);
    CHECK(fault(changed("red: affected", "red: {fixed_in: '" + std::string(version) + "'}")) ==
          "a.yaml:9: fixed_in is not numbers with dots between");
  }
  CHECK(fault(changed("'(\\d+\\.\\d+)\\.red'", "'('")) == "a.yaml:3: pattern: missing ): (");
  CHECK(fault(changed("'(\\d+\\.\\d+)\\.red'", "()()()()()()()()()")) == "a.yaml:3: pattern: more than 8 groups");
  std::string text = changed("'(\\d+\\.\\d+)\\.red'", "red");
  text.replace(text.find("red: affected"), 13, "red: {fixed_in: '1'}");
  CHECK(fault(text) == "a.yaml:9: family red catches no numbers to compare");
  // No YAML at all.
  CHECK(fault("families: [\nadvisories: []\n") == "a.yaml:3: end of sequence flow not found");
  CHECK(fault("families: []\nadvisories: [}\n").starts_with("a.yaml:2: "));
}

TEST_CASE("advisories: a list cut anywhere is read or refused with a line of it") {
  for (size_t length = 0; length < kGood.size(); ++length) {
    const std::string text = kGood.substr(0, length);
    CAPTURE(text);
    const std::string what = fault(text);
    CHECK((what.starts_with("none: ") || what.starts_with("a.yaml:")));
  }
}

TEST_CASE("advisories: a file takes the place of the built-in list") {
  TemporaryTree tree;
  tree.file("good.yaml", kGood);
  tree.file("empty.yaml", "");
  tree.file("bad.yaml", "families: []\nadvisories: 3\n");
  tree.directory("directory");
  const Advisories list = Advisories::load(tree / "good.yaml");
  REQUIRE(list.size() == 1);
  CHECK(list.id(0) == "one");
  CHECK(list.judge(0, "1.2.red") == Verdict::affected);
  const auto refused = [&](const char* name) -> std::string {
    try {
      Advisories::load(tree / name);
    } catch (const std::runtime_error& error) {
      const std::string what = error.what();
      REQUIRE(what.starts_with(tree / name));
      return what.substr((tree / name).size());
    }
    return "not refused";
  };
  CHECK(refused("bad.yaml") == ":2: advisories is not a list");
  CHECK(refused("empty.yaml") == ":1: not a map");
  CHECK(refused("none.yaml") == ": No such file or directory");
  CHECK(refused("directory") == ": Is a directory");
}
