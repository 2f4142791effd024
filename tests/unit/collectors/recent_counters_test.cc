// What the collectors give to page.recent(): alerts look at these numbers and not at the counters.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tests/unit/collected.h"
#include "tests/unit/collectors/corosync_machine.h"
#include "tests/unit/trees.h"
#include "tests/unit/web/listener.h"

namespace fencewatch {
extern const Spec corosync_log, fencing, oom, reclaim, zone;

namespace {

using Counters = std::map<std::string, double>;

Counters given(const Page& page) {
  Counters counters;
  for (const CounterValue& counter : page.recent()) counters[std::string(counter.counter)] = counter.value;
  return counters;
}

Counters given(Collector& collector, const Node& node) {
  Page page;
  CHECK(collector.collect(node, page));
  return given(page);
}

}  // namespace

TEST_SUITE("recent counters") {
  TEST_CASE("reclaim: stalls of all zones but DMA and DMA32, failed compactions, runs of kswapd and its low hits") {
    test::MemoryNode node;
    const auto collector = reclaim.make(Settings{});
    node.files["proc/vmstat"] =
        "allocstall_dma 400\nallocstall_dma32 500\nallocstall_normal 6\nallocstall_movable 8\ncompact_fail 23\npageoutrun "
        "40\nkswapd_low_wmark_hit_quickly 3\n";
    CHECK(given(*collector, node) ==
          Counters{{"zones_direct_stalls", 14}, {"compaction_failures", 23}, {"kswapd_runs", 40}, {"kswapd_low_hits", 3}});
    node.files["proc/vmstat"] = "allocstall 7\n";
    CHECK(given(*collector, node) == Counters{{"zones_direct_stalls", 7}});
  }

  TEST_CASE("oom: all kills of the kernel, and those of the log that no memory cgroup asked for") {
    test::MemoryNode node;
    node.files["proc/vmstat"] = "oom_kill 9\n";
    test::Listener listener(oom);
    listener.kmsg(std::string(FIXTURES) + "/oom/linux-6.1-memcg-v2-oom.kmsg");
    CHECK(given(*listener.collector, node) == Counters{{"oom_kills", 9}, {"oom_global_kills", 0}, {"small_allocation_failures", 0}});
    listener.kmsg(std::string(FIXTURES) + "/oom/linux-6.1-healthy-global-oom.kmsg");
    CHECK(given(*listener.collector, node)["oom_global_kills"] > 0);
    for (const char* order : {"0", "3", "4", "9"})
      listener.say(Channel::kernel, "swapper/0: page allocation failure: order:" + std::string(order) + ", mode:0x480020(GFP_ATOMIC)");
    CHECK(given(*listener.collector, node)["small_allocation_failures"] == 2);
  }

  TEST_CASE("zone: the time in which memory was short and exhausted") {
    const test::MemoryNode node("kernel/linux-4.19-miscount");
    CHECK(given(*zone.make(Settings{}), node) == Counters{{"zones_short_seconds", 0}, {"memory_exhausted_seconds", 0}});
  }

  TEST_CASE("corosync_log: each counter of its own event") {
    const std::pair<std::string, const char*> events[] = {
        {"corosync_token_warnings", "[TOTEM ] Token has not been received in 2737 ms "},
        {"corosync_token_timeouts", "[TOTEM ] A processor failed, forming new configuration."},
        {"corosync_scheduling_misses", "[MAIN  ] Corosync main process was not scheduled for 3170.5701 ms (threshold is 2920.0000 ms)."},
        {"corosync_pauses", "[TOTEM ] Process pause detected for 5010 ms, flushing membership messages."},
        {"corosync_unable_to_form",
         "[TOTEM ] Totem is unable to form a cluster because of an operating system or network fault (reason: x)."},
        {"corosync_hosts_unreachable", "[KNET  ] host: host: 2 has no active links"},
    };
    Counters wanted{{"corosync_link_flaps", 0}};
    for (const auto& [counter, line] : events) wanted[counter] = 0;
    test::Listener listener(corosync_log);
    CHECK(given(*listener.collector, test::MemoryNode{}) == wanted);
    for (const auto& [counter, line] : events) {
      listener.say(Channel::corosync, line);
      wanted[counter] = 1;
      CAPTURE(counter);
      CHECK(given(*listener.collector, test::MemoryNode{}) == wanted);
    }
    for (int64_t minute = 1; minute <= 3; ++minute)
      listener.say(Channel::corosync, "[KNET  ] link: host: 2 link: 0 is down", 1'795'000'000'000'000 + minute * 60'000'000);
    wanted["corosync_link_flaps"] = 1;
    CHECK(given(*listener.collector, test::MemoryNode{}) == wanted);
  }

  TEST_CASE("fencing: of sbd's warnings and of what we were told those that are our own fence apart") {
    test::Listener listener(fencing);
    const auto said = [&](Channel channel, const char* text) {
      listener.say(channel, text);
      const Counters counters = given(*listener.collector, test::MemoryNode{});
      return std::pair{counters.at("own_fences"), counters.at("sbd_warnings")};
    };
    using Pair = std::pair<double, double>;
    CHECK(said(Channel::sbd, "info: nothing of note") == Pair{0, 0});
    CHECK(said(Channel::sbd, "warning: inquisitor_child: Servant pcmk is outdated (age: 4)") == Pair{0, 1});
    CHECK(said(Channel::sbd, "warning: inquisitor_child: Majority of devices lost - surviving on pacemaker") == Pair{0, 2});
    CHECK(said(Channel::sbd, "warning: inquisitor_child: /dev/vdb requested a reset") == Pair{1, 2});
    CHECK(said(Channel::sbd, "emerg: do_exit: Rebooting system: reboot") == Pair{2, 2});
    CHECK(said(Channel::sbd, "warning: servant_md: Received command reset from n1 on disk /dev/vdb") == Pair{3, 2});
    CHECK(said(Channel::pacemaker, "crit: We were allegedly just fenced by n2 for n1!") == Pair{4, 2});
  }

  TEST_CASE("corosync_live: tokens lost while operational, scheduling misses, near misses") {
    test::Machine machine;
    (void)machine.collect();
    CHECK(given(machine.page) == Counters{{"corosync_token_losses", 4}, {"corosync_schedmiss", 0}, {"corosync_token_near_misses", 0}});
    machine.miss(0, 5000, 4000);
    (void)machine.collect();
    CHECK(given(machine.page)["corosync_schedmiss"] == 1);
  }
}

}  // namespace fencewatch
