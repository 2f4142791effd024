#include <doctest/doctest.h>

#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

namespace fencewatch {
extern const Spec oom;

using test::MemoryNode;

namespace {

// The kills of /proc/vmstat, which come first.
std::string kills(const MemoryNode& node) {
  const std::string text = test::shown(oom, node);
  return text.starts_with("fencewatch_oom_kills_total") ? text.substr(0, text.find('\n') + 1) : "";
}

}  // namespace

TEST_CASE("oom: kills since boot; absent, not 0, on a kernel that does not count them") {
  MemoryNode node;
  node.files["proc/vmstat"] = "pgmajfault 4\noom_kill 17\n";
  CHECK(kills(node) == "fencewatch_oom_kills_total 17\n");
  node.files["proc/vmstat"] = "pgmajfault 4\noom_kill 0\n";
  CHECK(kills(node) == "fencewatch_oom_kills_total 0\n");
  node.files["proc/vmstat"] = "pgmajfault 4\nallocstall 17\n";
  CHECK(kills(node) == "");
}

TEST_CASE("oom: faults name file and line") {
  MemoryNode node;
  node.files["proc/vmstat"] = "pgmajfault 4\noom_kill many\n";
  test::check_fault(oom, node, Code::malformed, "proc/vmstat", 2);
  node.faults["proc/vmstat"] = Code::denied;
  test::check_fault(oom, node, Code::denied, "proc/vmstat", 0);
}

TEST_CASE("oom: without /proc/vmstat there is still what the log told") {
  const MemoryNode node;
  CHECK(kills(node) == "");
  CHECK(test::shown(oom, node).starts_with("fencewatch_oom_kill_events_total{constraint=\"cpuset\"} 0\n"));
}

}  // namespace fencewatch
