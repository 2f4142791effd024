// Lists of advisories as they are read and applied; what the built-in one says is in advisories_test.cc.
#include <doctest/doctest.h>

#include <stdexcept>

#include "collectors/host/advisories.h"
#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

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
  CHECK(fault("") == "a.yaml:1: expected a map");
  CHECK(fault("- a\n") == "a.yaml:1: expected a map");
  CHECK(fault("# nothing but this\n") == "a.yaml:1: expected a map");
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
  CHECK(fault(kGood + "advisories: []\n") == "a.yaml:10: duplicate key \"advisories\"");
  CHECK(fault(kGood + "      red: fixed\n") == "a.yaml:10: duplicate key \"red\"");
  CHECK(fault(kGood + "  - {id: one, summary: a, source: b, families: {}}\n") == "a.yaml:10: a second advisory one");
  CHECK(fault(changed("advisories:", "  - {name: red, pattern: x}\nadvisories:")) == "a.yaml:4: a second family red");
  // Of another type than asked for.
  CHECK(fault("families: red\nadvisories: []\n") == "a.yaml:1: families is not a list");
  CHECK(fault("families: []\nadvisories:\n  one: two\n") == "a.yaml:3: advisories is not a list");
  CHECK(fault("families: [red]\nadvisories: []\n") == "a.yaml:1: expected a map");
  CHECK(fault(changed("name: red", "name: [red]")) == "a.yaml:2: name is not a word or text");
  CHECK(fault(changed("id: one", "id:")) == "a.yaml:5: id has no value");
  CHECK(fault(changed("red: affected", "red:")) == "a.yaml:9: red has no value");
  CHECK(fault(changed("red: affected", "red: {fixed_in: }")) == "a.yaml:9: fixed_in has no value");
  CHECK(fault(changed("summary: It", "summary: {}")) == "a.yaml:6: summary is not a word or text");
  CHECK(fault(changed("red: affected", "red: [affected]")) == "a.yaml:9: expected a map");
  CHECK(fault(changed("    families:\n      red: affected", "    families: red")) == "a.yaml:8: expected a map");
  CHECK(fault(changed("red: affected", "[red]: affected")) == "a.yaml:9: a key is not a word");
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
  CHECK(refused("empty.yaml") == ":1: expected a map");
  CHECK(refused("none.yaml") == ": No such file or directory");
  CHECK(refused("directory") == ": Is a directory");
}
