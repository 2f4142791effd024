#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/unit/collected.h"
#include "tests/unit/tree.h"
#include "tests/unit/trees.h"

namespace fencewatch {
extern const Spec kernel;

using test::MemoryNode;

namespace {

constexpr const char* kRelease = "proc/sys/kernel/osrelease";
constexpr const char* kVersion = "proc/version";
constexpr const char* kVendor = "sys/class/dmi/id/sys_vendor";
constexpr const char* kProduct = "sys/class/dmi/id/product_name";
constexpr const char* kModel = "sys/firmware/devicetree/base/model";

MemoryNode kylin() {
  MemoryNode node;
  node.files = {
      {kRelease, "4.19.90-25.16.v2101.ky10.x86_64\n"},
      {kVersion, "Linux version 4.19.90-25.16.v2101.ky10.x86_64 (builder@host) (gcc version 7.3.0 (GCC)) #1 SMP Fri May 21 2021\n"},
      {kVendor, "Inspur\n"},
      {kProduct, "NF5280M5\n"}};
  return node;
}

bool has(const std::string& text, const std::string& line) { return ("\n" + text).find("\nfencewatch_" + line + "\n") != text.npos; }
bool mentions(const std::string& text, std::string_view what) { return text.find(what) != text.npos; }

std::string info(const MemoryNode& node) {
  const std::string text = test::shown(kernel, node);
  return text.substr(0, text.find('\n'));
}

}  // namespace

TEST_CASE("kernel: release, version, machine, and one status for each advisory") {
  const std::string text = test::shown(kernel, kylin());
  CHECK(has(text, R"(kernel_info{release="4.19.90-25.16.v2101.ky10.x86_64",version="#1 SMP Fri May 21 2021"} 1)"));
  CHECK(has(text, R"(machine_info{vendor="Inspur",product="NF5280M5"} 1)"));
  CHECK(has(text, R"(kernel_advisory{advisory="KYBA-202212-1011",status="affected"} 1)"));
  CHECK(has(text, R"(kernel_advisory{advisory="movable-steals-min",status="unknown"} 1)"));
  CHECK(!mentions(text, R"(advisory="KYBA-202212-1011",status="fixed")"));
}

TEST_CASE("kernel: the release from proc/version where osrelease is not there, the version from nowhere else") {
  MemoryNode node = kylin();
  node.files.erase(kRelease);
  CHECK(info(node) == R"(fencewatch_kernel_info{release="4.19.90-25.16.v2101.ky10.x86_64",version="#1 SMP Fri May 21 2021"} 1)");
  node = kylin();
  node.files.erase(kVersion);
  CHECK(info(node) == R"(fencewatch_kernel_info{release="4.19.90-25.16.v2101.ky10.x86_64",version=""} 1)");
  for (const char* strange : {"\n", "FreeBSD version 14\n", "Linux version\n", "Linux\n"}) {
    CAPTURE(strange);
    node.files[kVersion] = strange;
    CHECK(info(node) == R"(fencewatch_kernel_info{release="4.19.90-25.16.v2101.ky10.x86_64",version=""} 1)");
    MemoryNode alone;
    alone.files[kVersion] = strange;
    test::check_fault(kernel, alone, Code::missing, kRelease, 0);
  }
  test::check_fault(kernel, MemoryNode(), Code::missing, kRelease, 0);
}

TEST_CASE("kernel: a machine without DMI is told by its device tree, one with neither not at all") {
  MemoryNode node = kylin();
  node.files.erase(kVendor);
  node.files.erase(kProduct);
  CHECK(!mentions(test::shown(kernel, node), "machine_info"));
  node.files[kModel] = std::string("Kunpeng 920\0", 12);
  CHECK(has(test::shown(kernel, node), R"(machine_info{vendor="",product="Kunpeng 920"} 1)"));
  node.files[kProduct] = "Standard PC\n";
  CHECK(has(test::shown(kernel, node), R"(machine_info{vendor="",product="Standard PC"} 1)"));
}

TEST_CASE("kernel: the machine is read once, the release each time") {
  MemoryNode node = kylin();
  test::Run run(kernel);
  REQUIRE(run.collect(node));
  node.asked.clear();
  node.files[kRelease] = "4.19.90-25.22.v2101.ky10.x86_64\n";  // as in a tree that is replaced
  REQUIRE(run.collect(node));
  CHECK(node.asked == std::set<std::string, std::less<>>{kRelease, kVersion});
  const std::string text = test::samples(run.page);
  CHECK(has(text, R"(kernel_advisory{advisory="KYBA-202212-1011",status="fixed"} 1)"));
  CHECK(has(text, R"(machine_info{vendor="Inspur",product="NF5280M5"} 1)"));
}

TEST_CASE("kernel: faults name file and line") {
  for (const char* path : {kRelease, kVersion, kVendor, kProduct}) {
    CAPTURE(path);
    for (const char* broken : {"", "4.19.90-25.1"}) {
      MemoryNode node = kylin();
      node.files[path] = broken;
      test::check_fault(kernel, node, Code::malformed, path, 1);
    }
    MemoryNode node = kylin();
    node.faults[path] = Code::denied;
    test::check_fault(kernel, node, Code::denied, path, 0);
  }
}

TEST_CASE("kernel: a list of its own takes the place of the built-in one, a faulty list refuses the start") {
  TemporaryTree tree;
  tree.file("a.yaml",
            "families: [{name: any, pattern: '.*'}]\nadvisories: [{id: mine, summary: a, source: b, families: {any: not_affected}}]\n");
  tree.file("b.yaml", "families: []\nadvisory: []\n");
  Settings config;
  config.kernel_advisories = tree / "a.yaml";
  test::Run run(kernel, config);
  REQUIRE(run.collect(kylin()));
  const std::string text = test::samples(run.page);
  CHECK(has(text, R"(kernel_advisory{advisory="mine",status="not_affected"} 1)"));
  CHECK(!mentions(text, "KYBA"));
  config.kernel_advisories = tree / "b.yaml";
  CHECK_THROWS_WITH_AS(kernel.make(config), (tree / "b.yaml" + ":2: unknown key advisory").c_str(), std::runtime_error);
}

}  // namespace fencewatch
