#include <doctest/doctest.h>

#include "collected.h"
#include "trees.h"

namespace fencewatch {
extern const Spec boot;

using test::MemoryNode;

TEST_CASE("boot: btime wherever it stands") {
  MemoryNode node;
  node.files["proc/stat"] = "cpu  1 2 3\ncpu0 1 2 3\nintr 5 0 0\nctxt 77\nbtime 1795422889\nprocesses 9\nbtime_new x\n";
  CHECK(test::shown(boot, node) == "fencewatch_boot_time_seconds 1795422889\n");
  node.files["proc/stat"] = "btime 0\n";
  CHECK(test::shown(boot, node) == "fencewatch_boot_time_seconds 0\n");
}

TEST_CASE("boot: faults name file and line") {
  MemoryNode node;
  test::check_fault(boot, node, Code::missing, "proc/stat", 0);
  for (const char* broken : {"btime \n", "btime x\n", "btime -1\n", "btime 1 2\n", "btime 1.5\n", "btime 18446744073709551616\n"}) {
    CAPTURE(broken);
    node.files["proc/stat"] = "cpu  1\nctxt 2\n" + std::string(broken);
    test::check_fault(boot, node, Code::malformed, "proc/stat", 3);
  }
  for (const char* broken : {"", "cpu  1\n", "btimes 3\n", " btime 3\n", "btime 3"}) {
    CAPTURE(broken);
    node.files["proc/stat"] = broken;
    test::check_fault(boot, node, Code::malformed, "proc/stat", 1);
  }
  node.files["proc/stat"] = "cpu  1\nctxt 2\nbtime 17954";
  test::check_fault(boot, node, Code::malformed, "proc/stat", 3);
}

}  // namespace fencewatch
