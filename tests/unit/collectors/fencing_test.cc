// Each fencing is counted once, whoever tells of it, in the wordings of pacemaker 1.1 to 3.x.
#include <doctest/doctest.h>

#include "tests/unit/web/listener.h"

namespace fencewatch {

extern const Spec fencing;

namespace {

using test::Listener;

constexpr int64_t kStart = 1'795'000'000'000'000, kSecond = 1'000'000;

std::string counted(std::initializer_list<std::string_view> lines, int64_t apart_us = 1000) {
  Listener listener(fencing);
  int64_t time = kStart;
  for (const std::string_view line : lines) listener.say(Channel::pacemaker, line, time += apart_us);
  return listener.counted();
}

std::string operations(std::string_view target, int count, std::string_view action = "reboot", std::string_view result = "success") {
  return "fencing_operations_total{action=\"" + std::string(action) + "\",result=\"" + std::string(result) + "\",target=\"" +
         std::string(target) + "\"} " + std::to_string(count) + "\n";
}

constexpr std::string_view kFenced = "notice: Operation 'reboot' targeting n2 by n1 for pacemaker-controld.89@n3: OK (complete)";
constexpr std::string_view kPeer = "notice: Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.89@n3: OK";

}  // namespace

TEST_SUITE("fencing") {
  TEST_CASE("fencing: every pattern matches its example") { test::check_examples(fencing); }

  TEST_CASE("fencing: what can be known is there at 0") {
    Listener listener(fencing);
    CHECK(listener.value("fencewatch_fenced_self_total") == "0");
    CHECK(listener.value("fencewatch_sbd_warnings_total{kind=\"servant_outdated\"}") == "0");
    CHECK(listener.counted().empty());
    listener.say(Channel::pacemaker, "notice: Node n2 state is now member | nodeid=2 previous=unknown source=crm_update_peer_proc");
    CHECK(listener.value("fencewatch_fencing_operations_total{action=\"reboot\",result=\"success\",target=\"n2\"}") == "0");
    CHECK(listener.value("fencewatch_fencing_operations_total{action=\"off\",result=\"failed\",target=\"n2\"}") == "0");
    CHECK(listener.counted().empty());
  }

  TEST_CASE("fencing: the fencer's wordings") {
    const std::string once = operations("n2", 1);
    CHECK(counted({"Operation reboot of n2 by n1 for crmd.2114@n1.3d26dc86: OK"}) == once);              // 1.1.8 to 1.1.18
    CHECK(counted({"Operation 'reboot' targeting n2 on n1 for crmd.2114@n1.3d26dc86: OK"}) == once);     // 1.1.24, 2.0
    CHECK(counted({"Operation 'reboot' targeting n2 by n1 for pacemaker-controld.89@n3: OK"}) == once);  // 2.1.0
    CHECK(counted({"Operation 'reboot' targeting n2 by n1 for pacemaker-controld.89@n3: OK (complete) | id=7b28348a"}) == once);
    CHECK(counted({"Operation 'reboot' targeting n2 by a human for stonith_admin.5@n1: OK"}) == once);
    CHECK(counted({"Operation 'off' targeting n2 by n1 for stonith_admin.5@n1: OK (complete)"}) == operations("n2", 1, "off"));
    CHECK(counted({"Operation 'on' targeting n2 by n1 for pacemaker-controld.89@n3: OK (complete)"}) == operations("n2", 1, "on"));
    CHECK(counted({"Operation 'sleep' targeting n2 by n1 for x@n3: OK (complete)"}) == operations("n2", 1, "other"));
    const std::string failed = operations("n2", 1, "reboot", "failed");
    CHECK(counted({"Operation reboot of n2 by <no-one> for crmd.2114@n1.3d26dc86: No such device"}) == failed);
    CHECK(counted({"Operation 'reboot' targeting n2 on <no-one> for crmd.2114@n1.3d26dc86: Timer expired"}) == failed);
    CHECK(counted({"Operation 'reboot' targeting n2 by n1 for pacemaker-controld.89@n3: Error occurred (Agent returned error)"}) == failed);
    CHECK(counted({"Operation 'reboot' targeting n2 by <anyone> for pacemaker-controld.89@n3: No fence device (No capable fencer)"}) ==
          failed);
  }

  TEST_CASE("fencing: the controller's wordings, where only it is logged") {
    const std::string once = operations("n2", 1);
    CHECK(counted({"Peer n2 was terminated (reboot) by n1 for n1: OK (ref=3d26dc86-1111-2222-3333-444455556666) by client crmd.2114"}) ==
          once);
    CHECK(counted({"Peer n2 was terminated (reboot) by n1 on behalf of crmd.2114: OK | initiator=n1 ref=3d26dc86-1111"}) == once);
    CHECK(counted({kPeer}) == once);
    CHECK(counted({"Peer n2 was terminated (reboot) by the cluster on behalf of a@n3: OK | event=7b28348a-6e11"}) == once);
    const std::string failed = operations("n2", 1, "reboot", "failed");
    CHECK(counted({"Peer n2 was not terminated (reboot) by <anyone> on behalf of pacemaker-controld.89: No such device"}) == failed);
    CHECK(counted({"Peer n2 was not terminated (reboot) by n1 on behalf of pacemaker-controld.89@n3: Error occurred (agent)"}) == failed);
  }

  TEST_CASE("fencing: told by both, in either order, counts once") {
    const std::string once = operations("n2", 1);
    CHECK(counted({kFenced, kPeer}) == once);
    CHECK(counted({kPeer, kFenced}) == once);
    CHECK(counted({"Operation reboot of n2 by n1 for crmd.2114@n1.3d26dc86: OK",
                   "Peer n2 was terminated (reboot) by n1 for n1: OK (ref=3d26dc86-1111-2222-3333-444455556666) by client crmd.2114"}) ==
          once);
    CHECK(counted({"Operation 'reboot' targeting n2 on n1 for crmd.2114@n1.3d26dc86: OK",
                   "Peer n2 was terminated (reboot) by n1 on behalf of crmd.2114: OK"}) == once);
  }

  TEST_CASE("fencing: each of several attempts counts") {
    CHECK(counted({kFenced, kPeer, kFenced, kPeer}) == operations("n2", 2));
    CHECK(counted({kFenced, kFenced, kPeer, kPeer}) == operations("n2", 2));
    CHECK(counted({kFenced, kFenced}) == operations("n2", 2));
    CHECK(counted({kPeer, kFenced}, 31 * kSecond) == operations("n2", 2));
    CHECK(counted({kFenced, "Operation 'reboot' targeting n2 by n1 for stonith_admin.5@n1: OK"}) == operations("n2", 2));
  }

  TEST_CASE("fencing: the same operation twice by the same daemon is a line that was logged twice") {
    CHECK(counted({"Operation 'reboot' targeting n2 by n1 for x@n3: OK (complete) | id=7b28348a",
                   "Operation 'reboot' targeting n2 by n1 for x@n3: OK (complete) | id=7b28348a",
                   "Peer n2 was terminated (reboot) by n1 on behalf of x@n3: OK | event=7b28348a-6e11-4d46-b80f-053e0dbb8251",
                   "Peer n2 was terminated (reboot) by n1 on behalf of x@n3: OK | event=7b28348a-6e11-4d46-b80f-053e0dbb8251"}) ==
          operations("n2", 1));
  }

  TEST_CASE("fencing: a restart between the two lines does not count twice") {
    for (const auto& [first, second] : {std::pair(kFenced, kPeer), std::pair(kPeer, kFenced)}) {
      Listener before(fencing), after(fencing);
      before.say(Channel::pacemaker, first, kStart);
      after.collector->remember(before.collector->memory());
      after.say(Channel::pacemaker, second, kStart + 1000);
      CHECK(before.counted() == operations("n2", 1));
      CHECK(after.counted() == "");
      after.say(Channel::pacemaker, first, kStart + 2000);
      CHECK(after.counted() == operations("n2", 1));
    }
    Listener listener(fencing);
    for (const char* damaged : {"", "x", "\t\t", "1 2 3 4\t", "1 2 3\tx", "9 9 9 x n2 reboot pacemaker-controld.89\t", "1;", "0 0;",
                                "x 1;9\t", "0 0;9 9 9 9 x 9 n2 reboot pacemaker-controld.89\t", "0 0;1 1 1 1 1 1\t"})
      listener.collector->remember(damaged);
    listener.say(Channel::pacemaker, kFenced, kStart);
    CHECK(listener.counted() == operations("n2", 1));
  }

  TEST_CASE("fencing: what was merged into another operation, or came too late, does not count") {
    CHECK(counted({kFenced, "Operation 'reboot' targeting n2 by n1 for stonith_admin.5@n1 (merged): OK (complete)", kPeer,
                   "Peer n2 was terminated (reboot) by n1 on behalf of stonith_admin.5@n1: OK"}) == operations("n2", 1));
    CHECK(counted({"Operation 'reboot' targeting n2 on n1 for crmd.2114@n1.3d26dc86: OK (merged)"}) == "");
    CHECK(counted({"Operation 'reboot' targeting n2 by n1 for x@n3: Result arrived too late | id=7b28348a"}) == "");
  }

  TEST_CASE("fencing: what was merged and does not say so, as up to 2.0, is one operation") {
    const auto of_client = [](std::string_view client, std::string_view delegate = "n1", std::string_view result = "OK") {
      return "Operation 'reboot' targeting n2 on " + std::string(delegate) + " for " + std::string(client) + ": " + std::string(result);
    };
    const std::string first = of_client("pacemaker-controld.1@n1.6bf96b72"), second = of_client("pacemaker-controld.2@n3.750c4fa9");
    CHECK(counted({first, second}) == operations("n2", 1));
    CHECK(counted({first, second, of_client("stonith_admin.7@n1.00000001")}) == operations("n2", 1));
    CHECK(counted({first, second}, 2 * kSecond) == operations("n2", 2));
    CHECK(counted({first, of_client("pacemaker-controld.2@n3.750c4fa9", "n3")}) == operations("n2", 2));
    CHECK(counted({first, of_client("pacemaker-controld.1@n1.99999999")}) == operations("n2", 1));  // nobody is fenced twice in a second
    // Both daemons tell of both.
    CHECK(counted({first, second, "Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.1: OK",
                   "Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.2: OK"}) == operations("n2", 1));
    CHECK(counted({"Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.1: OK",
                   "Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.2: OK", second, first}) == operations("n2", 1));
    CHECK(counted({"Operation reboot of n2 by n1 for crmd.1@n1.6bf96b72: OK", "Operation reboot of n2 by n1 for crmd.2@n3.750c4fa9: OK"}) ==
          operations("n2", 1));
    // One that failed is merged only with another client's, and only if somebody tried.
    const auto failed = [&](std::string_view client, std::string_view delegate) { return of_client(client, delegate, "Timer expired"); };
    CHECK(counted({failed("a.1@n1.00000001", "n1"), failed("b.2@n3.00000002", "n1")}) == operations("n2", 1, "reboot", "failed"));
    CHECK(counted({failed("a.1@n1.00000001", "n1"), failed("a.1@n1.00000002", "n1")}) == operations("n2", 2, "reboot", "failed"));
    CHECK(counted({failed("a.1@n1.00000001", "<no-one>"), failed("b.2@n3.00000002", "<no-one>")}) ==
          operations("n2", 2, "reboot", "failed"));
    CHECK(counted({failed("a.1@n1.00000001", "n1"), of_client("b.2@n3.00000002")}) ==
          operations("n2", 1, "reboot", "failed") + operations("n2", 1));
  }

  TEST_CASE("fencing: 1.1.7 and 1.1.8, whose lines name less") {
    constexpr std::string_view fencer = "notice: remote_op_done: Operation reboot of h8 by h1 for h1[4ac2dff7-0000-0000-0000-1]: OK";
    constexpr std::string_view peer =
        "notice: tengine_stonith_notify: Peer h8 was terminated (reboot) by h1 for h1: OK (ref=4ac2dff7-0000)";
    constexpr std::string_view older = "info: tengine_stonith_notify: Peer h8 was terminated (reboot) by h1 for h1 (ref=4ac2dff7-0000): OK";
    const std::string once = operations("h8", 1);
    for (const auto line : {fencer, peer, older}) CHECK(counted({line}) == once);
    CHECK(counted({fencer, peer}) == once);
    CHECK(counted({peer, fencer}) == once);
    CHECK(counted({fencer, peer}, 31 * kSecond) == once);  // the id says that they are one
    CHECK(counted({fencer, peer, "Operation reboot of h8 by h1 for h1[5ac2dff7-0000-0000-0000-1]: OK"}, 5 * kSecond) ==
          operations("h8", 2));

    constexpr std::string_view with_client = "Operation reboot of h8 by h1 for crmd.2114@h1.3d26dc86: OK";
    constexpr std::string_view nameless = "Peer h8 was terminated (st_notify_fence) by h1 for h1: OK";
    CHECK(counted({with_client, nameless}) == once);
    CHECK(counted({nameless}) == operations("h8", 1, "other"));
    CHECK(counted({with_client, nameless, nameless}, 5 * kSecond) == operations("h8", 1, "other") + once);
    CHECK(counted({with_client, "Peer h8 was terminated (reboot) by h1 for h1: OK"}) == once);
    CHECK(counted({"Peer h8 was terminated (reboot) by h1 for h1: OK", with_client}) == once);
    CHECK(counted({"crit: tengine_stonith_notify: Peer h8 could not be terminated (reboot) by <anyone> for h1 (ref=4ac2dff7-0000): "
                   "Operation timed out"}) == operations("h8", 1, "reboot", "failed"));
    CHECK(counted({"Operation reboot of h8 by <no-one> for h1[4ac2dff7-0000-0000-0000-1]: Operation timed out"}) ==
          operations("h8", 1, "reboot", "failed"));
  }

  TEST_CASE("fencing: nobody did it: told of as no-one and as anyone, one failed operation") {
    constexpr std::string_view fencer =
        "error: remote_op_done: Operation reboot of n2 by <no-one> for stonith_admin.cman.473@n1.00000001: No such device";
    constexpr std::string_view peer =
        "notice: tengine_stonith_notify: Peer n2 was not terminated (reboot) by <anyone> for n1: No such device "
        "(ref=00000001-1111-2222-3333-444455556666) by client stonith_admin.cman.473";
    const std::string once = operations("n2", 1, "reboot", "failed");
    for (const int64_t apart : {kSecond / 1000, kSecond, 40 * kSecond}) {
      CAPTURE(apart);
      CHECK(counted({fencer, peer}, apart) == once);
      CHECK(counted({peer, fencer}, apart) == once);
      CHECK(counted({fencer, fencer, peer}, apart) == once);
    }
  }

  TEST_CASE("fencing: poweroff is the old name of off") {
    const std::string once = operations("n2", 1, "off");
    CHECK(counted({"Operation poweroff of n2 by n1 for crmd.3533@n3.7d782a67: OK",
                   "Peer n2 was terminated (poweroff) by n1 for n3: OK (ref=7d782a67-1528) by client crmd.3533"}) == once);
    Listener listener(fencing);
    listener.say(Channel::pacemaker, "Operation 'poweroff' targeting n2 on n1 for crmd.3533@n3.7d782a67: OK", kStart);
    CHECK(listener.value("fencewatch_fencing_last_timestamp_seconds{target=\"n2\"}") == "1.795e+09");
  }

  TEST_CASE("fencing: an sbd that was told to exit is no trouble, one that was not is") {
    const auto died = [](int64_t apart, std::initializer_list<std::string_view> lines) {
      Listener listener(fencing);
      int64_t time = apart == 0 ? 0 : kStart;
      for (const std::string_view line : lines) listener.say(Channel::sbd, line, time += apart);
      return listener.value("fencewatch_sbd_warnings_total{kind=\"servant_died\"}");
    };
    constexpr std::string_view exits = "notice: servant_md: Received command exit from s2 on disk /dev/vdb";
    constexpr std::string_view dead = "warning: cleanup_servant_by_pid: Servant for /dev/vdb (pid: 3783) has terminated";
    CHECK(died(kSecond, {exits, dead}) == "0");
    CHECK(died(kSecond, {exits, dead, dead, "WARN: Servant for pcmk (pid: 3784) has terminated"}) == "0");
    CHECK(died(0, {exits, dead, dead, dead, dead, dead, dead, dead}) == "2");  // five are all there can be
    CHECK(died(31 * kSecond, {exits, dead}) == "1");
    CHECK(died(kSecond, {dead, exits}) == "1");
    CHECK(died(kSecond, {"Received command test from s2 on disk /dev/vdb", dead}) == "1");
    Listener before(fencing), after(fencing);
    before.say(Channel::sbd, exits, kStart);
    after.collector->remember(before.collector->memory());
    after.say(Channel::sbd, dead, kStart + kSecond);
    CHECK(after.counted() == "");
  }

  TEST_CASE("fencing: lines on the way to a fencing count nothing") {
    for (const std::string_view line : {
             "Operation 'reboot' [5553] targeting n2 using fence_node2 returned 0",
             "Operation 'reboot' [217] (call 2 from crmd.1) for host 'n2' with device 'f' returned: 0 (OK)",
             "Requesting peer fencing (reboot) targeting n2",
             "Requesting that n1 perform 'reboot' action targeting n2 using fence-n2",
             "Client stonith_admin.427 wants to fence (reboot) n3 using any device",
             "Cluster node n2 will be fenced: peer is no longer part of the cluster",
             "Scheduling node n2 for fencing",
             "Fence operation 11 for n2 succeeded",
             "n2 was unfenced by n1 at the request of x@n3",
             "Target n2 was fenced (reboot) less than 5s ago by n1 on behalf of x",
             "Our peer on the DC (n2) is dead",
         }) {
      CAPTURE(line);
      CHECK(counted({line}) == "");
    }
  }

  TEST_CASE("fencing: when a node was last fenced, with success") {
    Listener listener(fencing);
    const std::string series = "fencewatch_fencing_last_timestamp_seconds{target=\"n2\"}";
    listener.say(Channel::pacemaker, "Operation 'reboot' targeting n2 by n1 for x@n3: Error occurred", kStart);
    listener.say(Channel::pacemaker, "Operation 'on' targeting n2 by n1 for x@n3: OK", kStart);
    CHECK(listener.value(series) == "");
    listener.say(Channel::pacemaker, kFenced, kStart + kSecond / 2);
    CHECK(listener.value(series) == "1795000000.5");
  }

  TEST_CASE("fencing: our own") {
    CHECK(counted({"crit: We were allegedly just fenced by n2 for n1!"}) == "fenced_self_total 1\n");
    CHECK(counted({"error: We were alegedly just fenced by n2 for n1!"}) == "fenced_self_total 1\n");  // 1.1.8
  }

  TEST_CASE("fencing: targets are bounded") {
    Listener listener(fencing);
    for (int i = 0; i < 500; ++i)
      listener.say(Channel::pacemaker, "Operation 'reboot' targeting n" + std::to_string(i) + " by n1 for x@n3: OK", kStart + i);
    CHECK(listener.value("fencewatch_fencing_operations_total{action=\"reboot\",result=\"success\",target=\"n63\"}") == "1");
    CHECK(listener.value("fencewatch_fencing_operations_total{action=\"reboot\",result=\"success\",target=\"n64\"}") == "");
    CHECK(listener.value("fencewatch_fencing_operations_total{action=\"reboot\",result=\"success\",target=\"other\"}") == "436");
  }

  TEST_CASE("fencing: warnings of sbd by kind") {
    struct {
      std::string_view line, kind;
    } const lines[] = {
        {"  pcmk:  warning: inquisitor_child: Servant pcmk is outdated (age: 4)", "servant_outdated"},
        {"warning: inquisitor_child: Majority of devices lost - surviving on pacemaker", "majority_lost"},
        {"warning: inquisitor_child: Latency: No liveness for 4s exceeds watchdog warning timeout of 3s (healthy servants: 0)",
         "no_liveness"},
        {"/dev/vdb:  warning: servant_md: Latency: 4s exceeded watchdog warning timeout 3s on disk /dev/vdb", "disk_latency"},
        {"WARN: Latency: 6 exceeded threshold 3 on disk /dev/disk/by-id/dm-uuid-mpath-3600508b4", "disk_latency"},
        {"WARN: Latency: 12 s exceeded threshold 3 s on disk /dev/vdb", "disk_latency"},
        {"WARN: Latency: No liveness for 4 s exceeds threshold of 3 s (healthy servants: 0)", "no_liveness"},
        {"warning: inquisitor_child: /dev/vdb requested a reset", "reset_requested"},
        {"warning: inquisitor_child: pcmk requested a shutoff", "reset_requested"},
        {"warning: inquisitor_child: pcmk requested a crashdump", "reset_requested"},
        {"warning: inquisitor_child: cluster health check: UNHEALTHY", "unhealthy"},
        {"emerg: do_exit: Rebooting system: reboot", "rebooting"},
        {"emerg: do_exit: Rebooting system: off", "rebooting"},
        {"/dev/vdb:   notice: servant_md: Received command reset from n1 on disk /dev/vdb", "command_received"},
        {"warning: cleanup_servant_by_pid: Servant for pcmk (pid: 1412) has terminated", "servant_died"},
        {"error: servant_cluster: Lost connection to cluster", "connection_lost"},
        {"error: servant_md: No longer found a valid header on /dev/vdb", "header_lost"},
        {"warning: compute_status: Quorum lost: Self-fence", "quorum_lost"},
        {"warning: compute_status: Node state: UNCLEAN", "node_unclean"},
        {"warning: compute_status: Node state: OFFLINE", "node_unclean"},
        {"error: servant_md: Found fencing message - aborting start-up. Manual intervention required!", "fencing_message"},
        {"error: servant_md: Our parent is dead.", "parent_dead"},
    };
    for (const auto& [line, kind] : lines) {
      CAPTURE(line);
      Listener listener(fencing);
      listener.say(Channel::sbd, line, kStart, 3);
      CHECK(listener.counted() == "sbd_warnings_total{kind=\"" + std::string(kind) + "\"} 3\n");
    }
    for (const std::string_view line : {"notice: inquisitor_child: Servant pcmk is healthy (age: 0)", "Node state: online",
                                        "Node state: pending", "notice: servant_md: Received command test from n1 on disk /dev/vdb",
                                        "info: Using watchdog device '/dev/watchdog'", "notice: Monitoring slot 1 on disk /dev/vdb"}) {
      CAPTURE(line);
      Listener listener(fencing);
      listener.say(Channel::sbd, line);
      CHECK(listener.counted() == "");
    }
  }

  TEST_CASE("fencing: the recorded scenarios") {
    const std::string root = std::string(FIXTURES) + "/pacemaker/";
    const auto logged = [&](const std::string& file) {
      Listener listener(fencing);
      listener.log(root + file);
      return listener.counted();
    };
    for (const std::string log : {".log", ".syslog"}) {
      CAPTURE(log);
      for (const std::string scenario : {"stop10s", "kill9", "nodecrash"}) {
        CAPTURE(scenario);
        CHECK(logged(scenario + "/n1" + log) == operations("n2", 1));
        CHECK(logged(scenario + "/n2" + log) == "");
        CHECK(logged(scenario + "/n3" + log) == operations("n2", 1));
      }
      CHECK(logged("manual/n1" + log) == operations("n3", 1));
      CHECK(logged("manual/n2" + log) == operations("n3", 1));
      CHECK(logged("manual/n3" + log) == "");
    }
    CHECK(logged("fast-reboot/n3.log") == "fenced_self_total 1\n" + operations("n2", 2) + operations("n3", 1));
  }
}

}  // namespace fencewatch
