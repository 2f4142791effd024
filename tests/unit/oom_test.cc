// What the oom collector counts of kills, and how pods get their names.
#include <doctest/doctest.h>

#include <thread>

#include "collected.h"
#include "listener.h"
#include "tree.h"

namespace fencewatch {

extern const Spec oom;

namespace {

using test::Listener;

const std::string kUid = "1a2b3c4d-5e6f-7a8b-9c0d-123456789abc";
const std::string kId(64, 'f');

struct Machine : TemporaryTree {
  Machine() {
    file("proc/vmstat", "oom_kill 7\n");
    directory("sys");
    container(kId, "nginx");
  }
  void container(const std::string& id, const std::string& name) {
    file("var/log/containers/web-1_shop_" + name + "-" + id + ".log", "");
    file("var/log/pods/shop_web-1_" + kUid + "/" + name + "/0.log", "");
  }
  std::unique_ptr<Node> node() const {
    Status status;
    auto node = open_node({*this / "proc", *this / "sys", root()}, status);
    REQUIRE(node);
    return node;
  }
};

void kill(Listener& listener, const std::string& memcg, int pid, std::string_view constraint = "MEMCG") {
  listener.say(Channel::kernel, "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
  listener.say(Channel::kernel, "oom-kill:constraint=CONSTRAINT_" + std::string(constraint) +
                                    ",nodemask=(null),cpuset=/,mems_allowed=0-1,oom_memcg=" + memcg + ",task_memcg=" + memcg +
                                    ",task=java,pid=" + std::to_string(pid) + ",uid=0");
  listener.say(Channel::kernel, "Memory cgroup out of memory: Killed process " + std::to_string(pid) + " (java) total-vm:66524kB");
}

std::string cgroup(const std::string& id) { return "/kubepods/burstable/pod" + kUid + "/" + id; }

std::string by_workload(const Listener& listener, const std::string& container, const std::string& pod = "web-1",
                        const std::string& name_space = "shop") {
  return listener.value("fencewatch_oom_kills_by_workload_total{container=\"" + container + "\",namespace=\"" + name_space + "\",pod=\"" +
                        pod + "\"}");
}

void collect(Listener& listener, const Node& node) {
  Page page;
  CHECK(listener.collector->collect(node, page));
}

}  // namespace

TEST_SUITE("oom") {
  TEST_CASE("oom: what can be known is there at 0") {
    Listener listener(oom);
    for (const char* constraint : {"global", "memcg", "cpuset", "mempolicy", "unknown"})
      CHECK(listener.value("fencewatch_oom_kill_events_total{constraint=\"" + std::string(constraint) + "\"}") == "0");
    CHECK(listener.value("fencewatch_page_allocation_failures_total{order=\"0\"}") == "0");
    CHECK(listener.value("fencewatch_page_allocation_failures_total{order=\"10\"}") == "0");
    CHECK(listener.value("fencewatch_oom_no_killable_total") == "0");
    CHECK(listener.value("fencewatch_oom_panics_total") == "0");
    CHECK(listener.value("fencewatch_oom_last_kill_timestamp_seconds") == "");
  }

  TEST_CASE("oom: recordings") {
    Listener listener(oom);
    listener.kmsg(std::string(FIXTURES) + "/oom/linux-6.1-memcg-v2-oom.kmsg");
    CHECK(listener.counted() == "oom_kill_events_total{constraint=\"memcg\"} 3\n");
    CHECK(listener.value("fencewatch_oom_last_kill_timestamp_seconds") == "1795000007.435214");
  }

  TEST_CASE("oom: failures, panics and nothing to kill, as often as they were said") {
    Listener listener(oom);
    listener.say(Channel::kernel, "swapper/1: page allocation failure: order:4, mode:0x20", 0, 3);
    listener.say(Channel::kernel, "Out of memory and no killable processes...", 0, 2);
    listener.say(Channel::kernel, "Kernel panic - not syncing: System is deadlocked on memory");
    CHECK(listener.counted() == "page_allocation_failures_total{order=\"4\"} 3\noom_no_killable_total 2\noom_panics_total 1\n");
    for (int order = 0; order < 1000; ++order)
      listener.say(Channel::kernel, "x: page allocation failure: order:" + std::to_string(order) + ", mode:0x20");
    CHECK(listener.value("fencewatch_page_allocation_failures_total{order=\"19\"}") == "1");
    CHECK(listener.value("fencewatch_page_allocation_failures_total{order=\"20\"}") == "");
    CHECK(listener.value("fencewatch_page_allocation_failures_total{order=\"other\"}") == "980");
  }

  TEST_CASE("oom: a kill in a container that is known counts at once") {
    const Machine machine;
    const auto node = machine.node();
    Listener listener(oom);
    collect(listener, *node);
    kill(listener, cgroup(kId), 100);
    CHECK(by_workload(listener, "nginx") == "1");
    collect(listener, *node);
    CHECK(by_workload(listener, "nginx") == "1");
  }

  TEST_CASE("oom: a kill in a new container, or before the first scrape, counts with the next scrape") {
    Machine machine;
    const auto node = machine.node();
    Listener listener(oom);
    kill(listener, cgroup(kId), 100);
    CHECK(by_workload(listener, "nginx") == "");
    collect(listener, *node);
    CHECK(by_workload(listener, "nginx") == "1");
    const std::string fresh(64, 'e');
    kill(listener, cgroup(fresh), 101);
    machine.container(fresh, "php");
    collect(listener, *node);
    CHECK(by_workload(listener, "php") == "1");
    kill(listener, cgroup(std::string(64, 'd')), 102);  // the pod is known, which of its two containers is not
    collect(listener, *node);
    CHECK(by_workload(listener, "unknown") == "1");
    CHECK(listener.value("fencewatch_oom_kill_events_total{constraint=\"memcg\"}") == "3");
  }

  TEST_CASE("oom: a process outside of pods belongs to none, a pod without a name is its uid") {
    const Machine machine;
    const auto node = machine.node();
    Listener listener(oom);
    kill(listener, "/system.slice/corosync.service", 100);
    collect(listener, *node);
    CHECK(listener.exposition().find("by_workload_total{") == std::string::npos);
    const std::string uid = "00000000-0000-0000-0000-000000000000";
    kill(listener, "/kubepods/pod" + uid + "/" + kId.substr(1), 101);
    collect(listener, *node);
    CHECK(by_workload(listener, "unknown", uid, "unknown") == "1");
  }

  TEST_CASE("oom: at most 100 workloads and one for the others") {
    const Machine machine;
    const auto node = machine.node();
    Listener listener(oom);
    for (int i = 0; i < 150; ++i) {
      char uid[37];
      snprintf(uid, sizeof uid, "00000000-0000-0000-0000-%012d", i);
      kill(listener, "/kubepods/pod" + std::string(uid), 2000 + i);
    }
    collect(listener, *node);
    CHECK(by_workload(listener, "other", "other", "other") == "50");
    const std::string text = listener.exposition();
    size_t series = 0;
    for (size_t at = 0; (at = text.find("by_workload_total{", at)) != text.npos; ++at) ++series;
    CHECK(series == 101);
  }

  TEST_CASE("oom: kills that wait for their names are bounded") {
    const Machine machine;
    Listener listener(oom);
    for (int i = 0; i < 1000; ++i) kill(listener, cgroup(kId), 1000 + i);
    collect(listener, *machine.node());
    CHECK(by_workload(listener, "nginx") == "256");
    CHECK(by_workload(listener, "other", "other", "other") == "744");
  }

  TEST_CASE("oom: without /proc/vmstat there are still the logs, with a damaged one nothing is shown") {
    Machine machine;
    std::filesystem::remove(machine / "proc/vmstat");
    const auto node = machine.node();
    Listener listener(oom);
    Page page;
    CHECK(listener.collector->collect(*node, page));
    CHECK_FALSE(page.empty());
    machine.file("proc/vmstat", "oom_kill x\n");
    page.clear();
    CHECK(listener.collector->collect(*machine.node(), page).code == Code::malformed);
  }

  TEST_CASE("oom: lines come while pods are named") {
    const Machine machine;
    const auto node = machine.node();
    Listener listener(oom);
    std::thread reading([&] {
      for (int i = 0; i < 300; ++i) kill(listener, cgroup(kId), 1000 + i);
    });
    for (int i = 0; i < 20; ++i) collect(listener, *node);
    reading.join();
    collect(listener, *node);
    CHECK(listener.value("fencewatch_oom_kill_events_total{constraint=\"memcg\"}") == "300");
    CHECK((by_workload(listener, "nginx") == "300" || by_workload(listener, "other", "other", "other") != ""));
  }

  TEST_CASE("oom: kills since boot; absent, not 0, on a kernel that does not count them") {
    const auto shown = [](const char* vmstat) {
      test::MemoryNode node;
      node.files["proc/vmstat"] = vmstat;
      const std::string text = test::shown(oom, node);
      return text.starts_with("fencewatch_oom_kills_total") ? text.substr(0, text.find('\n')) : "";
    };
    CHECK(shown("pgmajfault 4\noom_kill 17\n") == "fencewatch_oom_kills_total 17");
    CHECK(shown("pgmajfault 4\noom_kill 0\n") == "fencewatch_oom_kills_total 0");
    CHECK(shown("pgmajfault 4\nallocstall 17\n") == "");
  }

  TEST_CASE("oom: faults name file and line") {
    test::MemoryNode node;
    node.files["proc/vmstat"] = "pgmajfault 4\noom_kill many\n";
    test::check_fault(oom, node, Code::malformed, "proc/vmstat", 2);
    node.faults["proc/vmstat"] = Code::denied;
    test::check_fault(oom, node, Code::denied, "proc/vmstat", 0);
  }
}

}  // namespace fencewatch
