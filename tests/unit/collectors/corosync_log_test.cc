// What corosync's lines count, in the wordings of 1.4, 2.x and 3.x.
#include <doctest/doctest.h>

#include "tests/unit/web/listener.h"

namespace fencewatch {

extern const Spec corosync_log;

namespace {

using test::Listener;

// Without the buckets of histograms, which have a test of their own.
std::string counted(const Listener& listener) {
  std::string lines;
  const std::string text = listener.counted();
  std::string_view rest = text, line;
  while (scan::next_line(rest, line))
    if (line.find("_bucket{") == line.npos) lines.append(line).append("\n");
  return lines;
}

std::string late(const std::string& seconds) {
  return "corosync_token_warnings_total 1\ncorosync_token_delay_max_seconds " + seconds + "\ncorosync_token_delay_seconds_sum " + seconds +
         "\ncorosync_token_delay_seconds_count 1\n";
}

std::string stalled(const std::string& seconds) {
  return "corosync_scheduling_misses_total 1\ncorosync_scheduling_delay_seconds_sum " + seconds +
         "\ncorosync_scheduling_delay_seconds_count 1\n";
}

void check(std::string_view text, const std::string& expected) {
  CAPTURE(text);
  Listener listener(corosync_log);
  listener.say(Channel::corosync, text);
  std::string sorted = counted(listener);
  CHECK(sorted.size() == expected.size());
  std::string_view rest = expected, line;
  while (scan::next_line(rest, line)) CHECK_MESSAGE(sorted.find(line) != sorted.npos, line, " in ", sorted);
}

}  // namespace

TEST_SUITE("corosync_log") {
  TEST_CASE("corosync_log: every pattern matches its example") { test::check_examples(corosync_log); }

  TEST_CASE("corosync_log: what can be known is there at 0") {
    Listener listener(corosync_log);
    CHECK(listener.counted().empty());
    for (const Family& family : corosync_log.families) {
      if (family.type == Type::gauge || family.labels == "host,link,state") continue;  // not known before the first event
      CAPTURE(family.name);
      CHECK(listener.exposition().find("\n" + std::string(family.name)) != std::string::npos);
    }
    CHECK(listener.value("fencewatch_corosync_quorum_changes_total{state=\"lost\"}") == "0");
    CHECK(listener.value("fencewatch_corosync_token_delay_seconds_count") == "0");
    CHECK(listener.value("fencewatch_corosync_token_delay_max_seconds") == "");
  }

  TEST_CASE("corosync_log: all wordings") {
    check("[TOTEM ] Token has not been received in 2250 ms", late("2.25"));
    check("[TOTEM ] Token has not been received in 30000 ms ", late("30"));
    check("[TOTEM ] totemsrp.c:timer_function_token_retransmit:1234 Token has not been received in 4634 ms ", late("4.634"));
    check("[TOTEM ] A processor failed, forming new configuration.", "corosync_token_timeouts_total 1\n");
    check("[TOTEM ] A processor failed, forming new configuration: token timed out (3000ms), waiting 3600ms for consensus.",
          "corosync_token_timeouts_total 1\n");
    check("[MAIN  ] Corosync main process was not scheduled for 2787.0891 ms (threshold is 1320.0000 ms). Consider token timeout increase.",
          stalled("2.7870891"));
    check(
        "[MAIN  ] Corosync main process was not scheduled (@1681222048760) for 7917.4106 ms (threshold is 800.0000 ms). Consider token "
        "timeout increase.",
        stalled("7.9174106"));
    check("[TOTEM ] Process pause detected for 9063 ms, flushing membership messages.", "corosync_pauses_total 1\n");
    check("[TOTEM ] A processor joined or left the membership and a new membership was formed.", "corosync_membership_changes_total 1\n");
    check("[TOTEM ] A new membership (192.168.122.11:1128) was formed. Members joined: 2", "corosync_membership_changes_total 1\n");
    check("[TOTEM ] A new membership (1.e0) was formed. Members left: 2", "corosync_membership_changes_total 1\n");
    check("[TOTEM ] A new membership (1.d) was formed. Members", "corosync_membership_changes_total 1\n");
    check("[TOTEM ] Failed to receive the leave message. failed: 2", "corosync_nodes_lost_total 1\n");
    check("[TOTEM ] Failed to receive the leave message. failed: 1 3 12", "corosync_nodes_lost_total 3\n");
    check("[TOTEM ] Failed to receive the leave message. fail", "corosync_nodes_lost_total 1\n");
    check("[TOTEM ] Retransmit List: 2a 2b 2c ", "corosync_retransmits_total 1\n");
    check("[TOTEM ] Marking ringid 1 interface 192.168.2.1 FAULTY", "corosync_ring_faults_total 1\n");
    check("[TOTEM ] Marking seqid 1024 ringid 0 interface 10.0.0.1 FAULTY - administrative intervention required.",
          "corosync_ring_faults_total 1\n");
    check("[TOTEM ] Automatically recovered ring 1", "corosync_ring_recoveries_total 1\n");
    check(
        "[TOTEM ] Totem is unable to form a cluster because of an operating system or network fault. The most common cause of this "
        "message is that the local firewall is configured improperly.",
        "corosync_unable_to_form_total 1\n");
    check(
        "[TOTEM ] Totem is unable to form a cluster because of an operating system or network fault (reason: totem is continuously in "
        "gather state).",
        "corosync_unable_to_form_total 1\n");
    check("[QUORUM] This node is within the primary component and will provide service.",
          "corosync_quorum_changes_total{state=\"gained\"} 1\n");
    check("[QUORUM] This node is within the non-primary component and will NOT provide any services.",
          "corosync_quorum_changes_total{state=\"lost\"} 1\n");
    check("[KNET  ] link: host: 2 link: 0 is down", "corosync_link_changes_total{host=\"2\",link=\"0\",state=\"down\"} 1\n");
    check("[KNET  ] rx: host: 2 link: 1 is up", "corosync_link_changes_total{host=\"2\",link=\"1\",state=\"up\"} 1\n");
    check("[KNET] heartbeat: host: 12 link: 7 is up", "corosync_link_changes_total{host=\"12\",link=\"7\",state=\"up\"} 1\n");
    check("[KNET  ] host: host: 2 has no active links", "corosync_hosts_unreachable_total 1\n");
  }

  TEST_CASE("corosync_log: delays that cannot be are counted, and not observed") {
    for (const std::string_view number : {"-1", "-2737", "18446744073709548879", "99999999", "nan", "inf", "x", "27.3.7", "1e99"}) {
      check("[TOTEM ] Token has not been received in " + std::string(number) + " ms ", "corosync_token_warnings_total 1\n");
      check("[MAIN  ] Corosync main process was not scheduled for " + std::string(number) + " ms (threshold is 800.0000 ms).",
            "corosync_scheduling_misses_total 1\n");
    }
  }

  TEST_CASE("corosync_log: buckets tell delays from 1 s to 60 s apart") {
    Listener listener(corosync_log);
    for (const char* ms : {"750", "2737", "4634", "9559", "21534", "90000"})
      listener.say(Channel::corosync, std::string("Token has not been received in ") + ms + " ms ");
    const auto bucket = [&](const std::string& bound) {
      return listener.value("fencewatch_corosync_token_delay_seconds_bucket{le=\"" + bound + "\"}");
    };
    CHECK(bucket("0.75") == "1");
    CHECK(bucket("2.5") == "1");
    CHECK(bucket("3.0") == "2");
    CHECK(bucket("5.0") == "3");
    CHECK(bucket("10.0") == "4");
    CHECK(bucket("30.0") == "5");
    CHECK(bucket("60.0") == "5");
    CHECK(bucket("+Inf") == "6");
    CHECK(listener.value("fencewatch_corosync_token_delay_max_seconds") == "90");
    listener.say(Channel::corosync, "Token has not been received in 800 ms ");
    CHECK(listener.value("fencewatch_corosync_token_delay_max_seconds") == "90");
  }

  TEST_CASE("corosync_log: lines that look alike count nothing") {
    for (const std::string_view text : {
             "[TOTEM ] The network interface [10.0.0.1] is now up.",
             "[TOTEM ] The network interface is down.",
             "[KNET  ] host: host: 2 (passive) best link: 0 (pri: 1)",
             "[KNET  ] link: Resetting MTU for link 0 because host 2 joined",
             "[KNET  ] pmtud: PMTUD link change for host: 2 link: 0 from 469 to 1397",
             "[KNET  ] pmtud: Global data MTU changed to: 1397",
             "[TOTEM ] The token was lost in the OPERATIONAL state.",
             "[TOTEM ] Incrementing problem counter for seqid 1 iface 10.0.0.1 to [1 of 10]",
             "[TOTEM ] entering GATHER state from 2(The token was lost in the OPERATIONAL state.).",
             "[QUORUM] Members[2]: 1 2",
             "[QUORUM] Sync left[1]: 2",
             "[VOTEQ ] Waiting for all cluster members. Current votes: 1 expected_votes: 3",
             "eth0: link up",
         })
      check(text, "");
  }

  TEST_CASE("corosync_log: a repeated message counts as often as it was said") {
    Listener listener(corosync_log);
    listener.say(Channel::corosync, "[TOTEM ] Retransmit List: 1 2 ", 0, 214);
    listener.say(Channel::corosync, "[TOTEM ] Token has not been received in 2737 ms ", 0, 3);
    listener.say(Channel::corosync, "[KNET  ] link: host: 2 link: 0 is down", 0, 2);
    CHECK(listener.value("fencewatch_corosync_retransmits_total") == "214");
    CHECK(listener.value("fencewatch_corosync_token_warnings_total") == "3");
    CHECK(listener.value("fencewatch_corosync_token_delay_seconds_count") == "3");
    CHECK(listener.value("fencewatch_corosync_link_changes_total{host=\"2\",link=\"0\",state=\"down\"}") == "2");
  }

  TEST_CASE("corosync_log: the other direction of a link is there at 0 with the first") {
    Listener listener(corosync_log);
    listener.say(Channel::corosync, "[KNET  ] rx: host: 2 link: 0 is up");
    CHECK(listener.value("fencewatch_corosync_link_changes_total{host=\"2\",link=\"0\",state=\"down\"}") == "0");
  }

  TEST_CASE("corosync_log: hosts and links are bounded") {
    Listener listener(corosync_log);
    for (int host = 1; host <= 500; ++host)
      for (int link = 0; link < 10; ++link)
        listener.say(Channel::corosync, "link: host: " + std::to_string(host) + " link: " + std::to_string(link) + " is down");
    const std::string text = listener.exposition();
    size_t series = 0;
    for (size_t at = 0; (at = text.find("link_changes_total{", at)) != text.npos; ++at) ++series;
    CHECK(series == 33 * 9 * 2);
    CHECK(listener.value("fencewatch_corosync_link_changes_total{host=\"32\",link=\"7\",state=\"down\"}") == "1");
    CHECK(listener.value("fencewatch_corosync_link_changes_total{host=\"other\",link=\"7\",state=\"down\"}") == "468");
    CHECK(listener.value("fencewatch_corosync_link_changes_total{host=\"other\",link=\"other\",state=\"down\"}") == "936");
  }

  TEST_CASE("corosync_log: a host is unreachable once, and not while corosync starts") {
    Listener listener(corosync_log);
    const auto unreachable = [&] { return listener.value("fencewatch_corosync_hosts_unreachable_total"); };
    listener.say(Channel::corosync, "[MAIN  ] Corosync Cluster Engine 3.1.7 starting up");
    listener.say(Channel::corosync, "[KNET  ] host: host: 2 has no active links");
    CHECK(unreachable() == "0");
    listener.say(Channel::corosync, "[KNET  ] rx: host: 2 link: 0 is up");
    listener.say(Channel::corosync, "[KNET  ] host: host: 2 has no active links");
    CHECK(unreachable() == "1");
    listener.say(Channel::corosync, "[KNET  ] host: host: 2 has no active links");
    CHECK(unreachable() == "1");
    listener.say(Channel::corosync, "[KNET  ] rx: host: 2 link: 1 is up");
    listener.say(Channel::corosync, "[KNET  ] host: host: 2 has no active links");
    CHECK(unreachable() == "2");
  }

  TEST_CASE("corosync_log: which hosts are reachable is known over a restart") {
    Listener before(corosync_log), after(corosync_log);
    before.say(Channel::corosync, "[MAIN  ] Corosync Cluster Engine 3.1.7 starting up");
    before.say(Channel::corosync, "[KNET  ] rx: host: 2 link: 0 is up");
    before.say(Channel::corosync, "[KNET  ] rx: host: 3 link: 0 is up");
    before.say(Channel::corosync, "[KNET  ] host: host: 3 has no active links");
    after.collector->remember(before.collector->memory());
    for (const char* host : {"1", "2", "3"})
      after.say(Channel::corosync, std::string("[KNET  ] host: host: ") + host + " has no active links");
    CHECK(after.value("fencewatch_corosync_hosts_unreachable_total") == "1");
    Listener fresh(corosync_log);
    fresh.collector->remember(Listener(corosync_log).collector->memory());
    fresh.say(Channel::corosync, "[KNET  ] host: host: 2 has no active links");
    CHECK(fresh.value("fencewatch_corosync_hosts_unreachable_total") == "1");
  }

  TEST_CASE("corosync_log: when each kind was seen last") {
    Listener listener(corosync_log);
    const std::string series = "fencewatch_corosync_last_event_timestamp_seconds{event=\"token_warning\"}";
    listener.say(Channel::corosync, "Token has not been received in 2737 ms ");
    CHECK(listener.value(series) == "");  // the line had no time
    listener.say(Channel::corosync, "Token has not been received in 2737 ms ", 1'795'420'931'500'000);
    CHECK(listener.value(series) == "1795420931.5");
    listener.say(Channel::corosync, "Token has not been received in 2737 ms ", 1'795'420'900'000'000);
    CHECK(listener.value(series) == "1795420931.5");
  }

  TEST_CASE("corosync_log: the recorded scenarios") {
    for (const std::string scenario :
         {"cable", "cable-2links", "ifdown", "kill9", "kill9-udpu", "leave", "loss30", "nodecrash", "quorumloss", "retransmit",
          "schedmiss12", "stallmain5s", "stop10s", "stop2s", "stop3s-udpu", "stopall5s"})
      for (const std::string node : {"n1", "n2"}) {
        const std::string path = std::string(FIXTURES) + "/corosync/" + scenario + "/" + node;
        CAPTURE(path);
        Listener listener(corosync_log);
        listener.log(path + ".log");
        test::expect(path + ".expected", counted(listener));
      }
  }
}

}  // namespace fencewatch
