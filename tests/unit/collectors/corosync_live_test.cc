// What the collector shows of a corosync that runs in this process.
#include <doctest/doctest.h>

#include "tests/unit/collectors/corosync_machine.h"

namespace fencewatch {

using namespace test;

TEST_SUITE("corosync_live") {
  TEST_CASE("all that corosync 3 tells") {
    Machine machine;
    const std::string text = machine.collect();
    const std::pair<const char*, const char*> expected[] = {
        {"up", "1"},
        {"token_timeout_seconds{source=\"runtime\"}", "3.65"},
        {"token_timeout_seconds{source=\"config\"}", "3.65"},
        {"token_warning_ratio", "0.75"},
        {"consensus_timeout_seconds", "4.38"},
        {"nodes", "3"},
        {"members", "3"},
        {"quorate", "1"},
        {"votes", "3"},
        {"expected_votes", "3"},
        {"quorum_votes", "2"},
        {"token_losses_total{state=\"operational\"}", "4"},
        {"token_losses_total{state=\"recovery\"}", "0"},
        {"memberships_total", "2"},
        {"seconds_since_token", "0.42"},
        {"token_rotation_seconds", "0.076"},
        {"link_connected{host=\"2\",link=\"0\"}", "1"},
        {"link_connected{host=\"3\",link=\"1\"}", "1"},
        {"link_latency_seconds{host=\"2\",link=\"1\",stat=\"ave\"}", "9.2e-05"},
        {"link_latency_seconds{host=\"2\",link=\"1\",stat=\"max\"}", "0.000109"},
        {"links_down_total{host=\"3\",link=\"0\"}", "1"},
        {"process_realtime", "1"},
        {"process_locked_bytes", "79167488"},
        {"process_major_faults_total", "12"},
        {"process_memory_stalled_seconds_total{kind=\"some\"}", "1.5"},
        {"process_memory_stalled_seconds_total{kind=\"full\"}", "0.5"},
        {"schedmiss_total", "0"},
        {"ipc_seconds_count", "1"},
    };
    for (const auto& [series, wanted] : expected) {
      CAPTURE(series);
      CHECK(value(text, series) == wanted);
    }
    CHECK(count(text, "link_connected") == 4);  // not the one to itself
    CHECK(count(text, "impaired") == 0);
    CHECK(value(text, "scheduling_delay_last_seconds").empty());
    machine.miss(0, 5000, 4000);
    (void)machine.collect();
    CHECK(machine.page.families().size() == corosync_live.families.size());
  }

  TEST_CASE("corosync 2 has one map, no links, no time since the token") {
    Machine machine(kCorosync2);
    machine.corosync->icmap["runtime.config.totem.token"] = FakeCorosync::u32(1650);
    machine.sample();
    const std::string text = machine.collect();
    CHECK(value(text, "up") == "1");
    CHECK(value(text, "token_losses_total{state=\"operational\"}") == "4");
    CHECK(value(text, "members") == "3");
    CHECK(value(text, "quorate") == "1");
    CHECK(value(text, "token_timeout_seconds{source=\"config\"}") == "1.65");
    CHECK(value(text, "token_warning_ratio").empty());
    CHECK(value(text, "seconds_since_token").empty());
    CHECK(count(text, "link_connected") == 0);
    machine.sample();
    CHECK(value(machine.collect(), "token_gap_seconds_count") == "0");
  }

  TEST_CASE("udpu has no links") {
    Machine machine;
    std::erase_if(machine.corosync->stats, [](const auto& entry) { return entry.first.starts_with("stats.knet."); });
    const std::string text = machine.collect();
    CHECK(count(text, "link_connected") == 0);
    CHECK(count(text, "links_down_total") == 0);
    CHECK(value(text, "members") == "3");
  }

  TEST_CASE("two connections are kept, that to the settings is not, and few questions are asked") {
    Machine machine;
    (void)machine.collect();
    CHECK(machine.corosync->connections == 2);
    CHECK(machine.corosync->connected == 3);
    const int first = machine.corosync->calls;
    for (int i = 0; i < 10; ++i) (void)machine.collect();
    CHECK(machine.corosync->connected == 3);
    const int each = (machine.corosync->calls - first) / 10;
    CHECK(each < first);
    CHECK(each == 1 + 6 + 4 * 4 + 1);  // the token, totem, links, the newest miss
    machine.sample();
    CHECK(machine.corosync->calls == first + 10 * each + 1);
  }

  TEST_CASE("members and links are asked anew after a change of the membership") {
    Machine machine;
    (void)machine.collect();
    machine.corosync->icmap["runtime.members.3.status"] = FakeCorosync::text("left");
    CHECK(value(machine.collect(), "members") == "3");
    machine.corosync->stats["stats.srp.operational_entered"] = FakeCorosync::u64(3);
    CHECK(value(machine.collect(), "members") == "2");
  }

  TEST_CASE("a scheduling miss is counted once") {
    Machine machine;
    for (int i = 0; i < 3; ++i) machine.miss(i, static_cast<uint64_t>(5000 - i), 4000.5F);
    std::string text = machine.collect();
    CHECK(value(text, "schedmiss_total") == "0");  // before our time
    CHECK(value(text, "scheduling_delay_last_seconds") == "4.0005");
    machine.miss(0, 7000, 6000);
    machine.miss(1, 6000, 5000);
    machine.miss(2, 5000, 4000.5F);
    text = machine.collect();
    CHECK(value(text, "schedmiss_total") == "2");
    CHECK(value(text, "scheduling_delay_last_seconds") == "6");
    CHECK(value(machine.collect(), "schedmiss_total") == "2");
    for (int i = 0; i < 10; ++i) machine.miss(i, static_cast<uint64_t>(9000 - i), 3000);
    CHECK(value(machine.collect(), "schedmiss_total") == "12");
  }

  TEST_CASE("a new corosync begins with no misses, and what it then has is ours") {
    Machine machine;
    machine.miss(0, 5000, 4000);
    (void)machine.collect();
    std::erase_if(machine.corosync->stats, [](const auto& entry) { return entry.first.starts_with("stats.schedmiss."); });
    machine.run(2000);
    CHECK(value(machine.collect(), "schedmiss_total") == "0");
    machine.miss(0, 100, 3000);  // the clock was set back
    CHECK(value(machine.collect(), "schedmiss_total") == "1");
  }

  TEST_CASE("the default token is the one that corosync runs with") {
    Machine machine;
    machine.corosync->icmap["runtime.config.totem.token"] = FakeCorosync::u32(1650);  // 3.0
    CHECK(value(machine.collect(), "token_timeout_seconds{source=\"config\"}") == "1.65");
    machine.node.files["etc/corosync/corosync.conf"] = "totem {\n  token: 10000\n}\n";
    CHECK(value(machine.collect(), "token_timeout_seconds{source=\"config\"}") == "10");
    CHECK(value(machine.collect(), "nodes").empty());
  }

  TEST_CASE("without votequorum libquorum is asked, without both nobody is") {
    Machine machine;
    machine.corosync->votequorum = 12;
    machine.corosync->quorate = false;
    std::string text = machine.collect();
    CHECK(value(text, "quorate") == "0");
    CHECK(value(text, "impaired{reason=\"no_quorum\"}") == "1");
    CHECK(value(text, "votes").empty());
    machine.corosync->quorum = 12;
    machine.run(2000);
    text = machine.collect();
    CHECK(value(text, "up") == "1");
    CHECK(value(text, "quorate").empty());
  }
}

}  // namespace fencewatch
