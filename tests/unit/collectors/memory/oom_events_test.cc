// What is counted of kills, and how pods get their names.
#include "collectors/memory/oom_events.h"

#include <doctest/doctest.h>

#include <thread>

#include "tests/unit/tree.h"
#include "tests/unit/web/listener.h"

namespace fencewatch {

namespace {

// A collector that is nothing but the OomEvents.
class Events final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    events_.name_pods(node);
    events_.counts().write(page);
    return {};
  }
  std::span<const Pattern> patterns() const override { return OomLog::patterns(); }
  void on_event(const Match& match) override { events_.on_event(match); }
  Counts* counts() override { return &events_.counts(); }
  std::string memory() const override { return events_.memory(); }
  void remember(std::string_view memory) override { events_.remember(memory); }

 private:
  OomEvents events_;
};
const Spec oom = {
    .name = "events", .summary = "events", .families = kOomFamilies, .make = [](const Settings&) -> std::unique_ptr<Collector> {
      return std::make_unique<Events>();
    }};

using test::Listener;

const std::string kUid = "1a2b3c4d-5e6f-7a8b-9c0d-123456789abc";
const std::string kId(64, 'f');

struct Machine : TemporaryTree {
  Machine() {
    directory("proc");
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

TEST_SUITE("oom_events") {
  TEST_CASE("oom_events: what can be known is there at 0") {
    Listener listener(oom);
    for (const char* constraint : {"global", "memcg", "cpuset", "mempolicy", "unknown"})
      CHECK(listener.value("fencewatch_oom_kill_events_total{constraint=\"" + std::string(constraint) + "\"}") == "0");
    CHECK(listener.value("fencewatch_page_allocation_failures_total{order=\"0\"}") == "0");
    CHECK(listener.value("fencewatch_page_allocation_failures_total{order=\"10\"}") == "0");
    CHECK(listener.value("fencewatch_oom_no_killable_total") == "0");
    CHECK(listener.value("fencewatch_oom_panics_total") == "0");
    CHECK(listener.value("fencewatch_oom_last_kill_timestamp_seconds") == "");
  }

  TEST_CASE("oom_events: recordings") {
    Listener listener(oom);
    listener.kmsg(std::string(FIXTURES) + "/oom/linux-6.1-memcg-v2-oom.kmsg");
    CHECK(listener.counted() == "oom_kill_events_total{constraint=\"memcg\"} 3\n");
    CHECK(listener.value("fencewatch_oom_last_kill_timestamp_seconds") == "1795000007.435214");
  }

  TEST_CASE("oom_events: failures, panics and nothing to kill, as often as they were said") {
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

  TEST_CASE("oom_events: a kill in a container that is known counts at once") {
    const Machine machine;
    const auto node = machine.node();
    Listener listener(oom);
    collect(listener, *node);
    kill(listener, cgroup(kId), 100);
    CHECK(by_workload(listener, "nginx") == "1");
    collect(listener, *node);
    CHECK(by_workload(listener, "nginx") == "1");
  }

  TEST_CASE("oom_events: a kill in a new container, or before the first scrape, counts with the next scrape") {
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

  TEST_CASE("oom_events: a kill that waits for its name survives a restart, and is not counted again") {
    const Machine machine;
    const auto node = machine.node();
    Listener before(oom), after(oom);
    kill(before, cgroup(kId), 100);
    before.collector->counts()->save([&](std::string_view line) { CHECK(after.collector->counts()->restore(line)); });
    after.collector->remember(before.collector->memory());
    after.say(Channel::kernel, "Memory cgroup out of memory: Killed process 100 (java) total-vm:66524kB");  // memory.oom.group
    collect(after, *node);
    CHECK(by_workload(after, "nginx") == "1");
    CHECK(after.value("fencewatch_oom_kill_events_total{constraint=\"memcg\"}") == "1");
    after.collector->remember("");
    after.collector->remember("x");
    collect(after, *node);
    CHECK(by_workload(after, "nginx") == "1");
  }

  TEST_CASE("oom_events: a process outside of pods belongs to none, a pod without a name is its uid") {
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

  TEST_CASE("oom_events: at most 100 workloads and one for the others") {
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

  TEST_CASE("oom_events: kills that wait for their names are bounded") {
    const Machine machine;
    Listener listener(oom);
    for (int i = 0; i < 1000; ++i) kill(listener, cgroup(kId), 1000 + i);
    collect(listener, *machine.node());
    CHECK(by_workload(listener, "nginx") == "256");
    CHECK(by_workload(listener, "other", "other", "other") == "744");
  }

  TEST_CASE("oom_events: lines come while pods are named") {
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
}

}  // namespace fencewatch
