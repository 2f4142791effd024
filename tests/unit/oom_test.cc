#include <doctest/doctest.h>

#include "collected.h"
#include "trees.h"

namespace fencewatch {
extern const Spec oom;

using test::MemoryNode;

TEST_CASE("oom: kills since boot; absent, not 0, on a kernel that does not count them") {
  MemoryNode node;
  node.files["proc/vmstat"] = "pgmajfault 4\noom_kill 17\n";
  CHECK(test::shown(oom, node) == "fencewatch_oom_kills_total 17\n");
  node.files["proc/vmstat"] = "pgmajfault 4\noom_kill 0\n";
  CHECK(test::shown(oom, node) == "fencewatch_oom_kills_total 0\n");
  node.files["proc/vmstat"] = "pgmajfault 4\nallocstall 17\n";
  CHECK(test::shown(oom, node) == "");
}

TEST_CASE("oom: faults name file and line") {
  MemoryNode node;
  test::check_fault(oom, node, Code::missing, "proc/vmstat", 0);
  node.files["proc/vmstat"] = "pgmajfault 4\noom_kill many\n";
  test::check_fault(oom, node, Code::malformed, "proc/vmstat", 2);
  node.faults["proc/vmstat"] = Code::denied;
  test::check_fault(oom, node, Code::denied, "proc/vmstat", 0);
}

}  // namespace fencewatch
