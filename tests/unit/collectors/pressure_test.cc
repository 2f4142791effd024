#include <doctest/doctest.h>

#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

namespace fencewatch {
extern const Spec pressure;

using test::MemoryNode;

namespace {

// Linux 4.20 to 5.12.
MemoryNode first() {
  MemoryNode node;
  node.files = {
      {"proc/pressure/cpu", "some avg10=0.20 avg60=0.82 avg300=0.28 total=1325867\n"},
      {"proc/pressure/io", "some avg10=0.21 avg60=0.29 avg300=0.08 total=2000000\nfull avg10=0.21 avg60=0.29 avg300=0.08 total=1\n"},
      {"proc/pressure/memory", "some avg10=1.93 avg60=0.85 avg300=0.21 total=500000\nfull avg10=1.91 avg60=0.83 avg300=0.21 total=0\n"}};
  return node;
}

constexpr std::string_view kOld = R"(fencewatch_pressure_stalled_seconds_total{resource="cpu",kind="some"} 1.325867
fencewatch_pressure_stalled_seconds_total{resource="memory",kind="some"} 0.5
fencewatch_pressure_stalled_seconds_total{resource="memory",kind="full"} 0
fencewatch_pressure_stalled_seconds_total{resource="io",kind="some"} 2
fencewatch_pressure_stalled_seconds_total{resource="io",kind="full"} 1e-06
)";

}  // namespace

TEST_CASE("pressure: seconds from microseconds; neither full of cpu nor irq is made up") { CHECK(test::shown(pressure, first()) == kOld); }

TEST_CASE("pressure: full of cpu since 5.13, irq since 6.1") {
  MemoryNode node = first();
  node.files["proc/pressure/cpu"] += "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  node.files["proc/pressure/irq"] = "full avg10=0.00 avg60=0.00 avg300=0.00 total=3000000\n";
  const std::string text = test::shown(pressure, node);
  CHECK(text.find("resource=\"cpu\",kind=\"full\"} 0\n") != text.npos);
  CHECK(text.find("resource=\"irq\",kind=\"full\"} 3\n") != text.npos);
  CHECK(text.find("resource=\"irq\",kind=\"some\"") == text.npos);
}

TEST_CASE("pressure: irq is asked for once where there is none") {
  const MemoryNode node = first();
  test::Run run(pressure);
  REQUIRE(run.collect(node));
  CHECK(node.asked.contains("proc/pressure/irq"));
  node.asked.clear();
  REQUIRE(run.collect(node));
  CHECK(!node.asked.contains("proc/pressure/irq"));
  CHECK(test::samples(run.page) == kOld);
}

TEST_CASE("pressure: whole or missing, faults name file and line") {
  test::check_fault(pressure, MemoryNode(), Code::missing, "proc/pressure/cpu", 0);
  for (const char* path : {"proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io"}) {
    MemoryNode node = first();
    node.files.erase(path);
    test::check_fault(pressure, node, Code::missing, path, 0);
    node.files[path] = "";  // what sosreport copies of a kernel with psi=0
    test::check_fault(pressure, node, Code::missing, path, 0);
    node = first();
    node.files[path] += "full total=1s\n";
    test::check_fault(pressure, node, Code::malformed, path, path == std::string_view("proc/pressure/cpu") ? 2 : 3);
  }
  MemoryNode node = first();
  node.faults["proc/pressure/irq"] = Code::io;
  test::check_fault(pressure, node, Code::io, "proc/pressure/irq", 0);
  node.faults.clear();
  node.files["proc/pressure/irq"] = "garbage\n";
  test::check_fault(pressure, node, Code::malformed, "proc/pressure/irq", 1);
}

}  // namespace fencewatch
