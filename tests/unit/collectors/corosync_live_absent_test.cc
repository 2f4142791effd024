// A corosync that is not there, does not answer, ends and comes back; the process itself; numbers that are none.
#include <doctest/doctest.h>

#include "tests/unit/collectors/corosync_machine.h"

namespace fencewatch {

using namespace test;

TEST_SUITE("corosync_live") {
  TEST_CASE("no corosync") {
    Machine machine;
    machine.end();
    std::string text = machine.collect();
    CHECK(value(text, "up") == "0");
    CHECK(value(text, "nodes") == "3");
    CHECK(value(text, "token_timeout_seconds{source=\"config\"}").empty());  // the default is not known
    CHECK(value(text, "process_realtime").empty());
    CHECK(machine.corosync->connected == 0);
    machine.node.files.erase("etc/corosync/corosync.conf");
    CHECK(machine.status().code == Code::missing);
  }

  TEST_CASE("a recorded tree tells what its file says and asks nobody") {
    Machine machine;
    std::erase_if(machine.node.files,
                  [](const auto& file) { return file.first.starts_with("proc/1/") || file.first.starts_with("proc/77/"); });
    machine.node.files["etc/corosync/corosync.conf"] = "totem {\n  token: 10000\n}\n";
    const std::string text = machine.collect();
    CHECK(value(text, "token_timeout_seconds{source=\"config\"}") == "10");
    CHECK(value(text, "up").empty());
    CHECK(value(text, "schedmiss_total").empty());
    CHECK(machine.corosync->connected == 0);
  }

  TEST_CASE("why it does not answer") {
    const std::pair<int, Code> reasons[] = {{2, Code::refused}, {6, Code::refused}, {8, Code::limit},
                                            {11, Code::denied}, {12, Code::io},     {21, Code::refused}};
    for (const auto& [error, code] : reasons) {
      CAPTURE(error);
      Machine machine;
      machine.corosync->initialize = error;
      const Status status = machine.status();
      CHECK(status.code == code);
      CHECK(!status.text.empty());
      CHECK(!status.file.empty());
      // It is left alone for now, and the reason stays.
      machine.corosync->initialize = 1;
      CHECK(machine.status().code == code);
      CHECK(machine.corosync->connected == 0);
    }
  }

  TEST_CASE("a corosync that has just begun need not answer") {
    Machine machine;
    machine.corosync->initialize = 2;
    machine.run(499500);  // it is 5000.1 s after boot
    const std::string text = machine.collect();
    CHECK(value(text, "up") == "0");
    CHECK(value(text, "process_realtime") == "1");
  }

  TEST_CASE("corosync ends and another begins") {
    Machine machine;
    (void)machine.collect();
    machine.corosync->get = 2;
    CHECK(machine.status().code == Code::refused);  // it is there and does not answer
    machine.end();
    std::string text = machine.collect();
    CHECK(value(text, "up") == "0");
    CHECK(machine.corosync->connections == 0);
    CHECK(value(text, "ipc_seconds_count") == "2");  // what was counted stays
    machine.corosync->get = 1;
    machine.run(3000);
    // /proc is not searched at once again, but 1 s later.
    for (int i = 0; i < 500 && value(text, "up") != "1"; ++i) {
      struct timespec pause = {0, 10'000'000};
      nanosleep(&pause, nullptr);
      text = machine.collect();
    }
    CHECK(value(text, "up") == "1");
    CHECK(machine.corosync->connections == 2);
  }

  TEST_CASE("a connection that breaks is made anew, after a pause") {
    Machine machine;
    (void)machine.collect();
    machine.corosync->get = 2;
    machine.sample();
    CHECK(machine.corosync->connections == 1);  // that of quorum is not asked yet
    machine.sample();
    CHECK(machine.status().code == Code::refused);
    const int connected = machine.corosync->connected;
    CHECK(machine.status().code == Code::refused);
    CHECK(machine.corosync->connected == connected);
  }

  TEST_CASE("near misses: the time without a token") {
    Machine machine;
    (void)machine.collect();
    for (const uint64_t since : {uint64_t{500}, uint64_t{2900}, uint64_t{0}, uint64_t{0}}) {
      machine.corosync->stats["stats.srp.time_since_token_last_received"] = FakeCorosync::u64(since);
      machine.sample();
    }
    // Ever more time between two samples of the same moment would be a token in the future: each of them is another gap.
    const std::string text = machine.collect();
    CHECK(value(text, "token_gap_seconds_bucket{le=\"+Inf\"}") == value(text, "token_gap_seconds_count"));
    CHECK(value(text, "token_gap_seconds_bucket{le=\"2.5\"}") != value(text, "token_gap_seconds_bucket{le=\"3.0\"}"));
    CHECK(value(text, "token_near_misses_total") == "1");  // of 3650 ms
  }

  TEST_CASE("a wait of half the token timeout is no near miss, one of a millisecond more is") {
    for (const uint64_t wait : {uint64_t{1825}, uint64_t{1826}}) {
      Machine machine;
      (void)machine.collect();
      for (const uint64_t since : {wait, uint64_t{0}}) {
        machine.corosync->stats["stats.srp.time_since_token_last_received"] = FakeCorosync::u64(since);
        machine.sample();
      }
      CHECK(value(machine.collect(), "token_near_misses_total") == (wait == 1826 ? "1" : "0"));
    }
  }

  TEST_CASE("a host is unreachable when its last link is down") {
    Machine machine;
    machine.corosync->stats["stats.knet.node2.link0.connected"] = FakeCorosync::u8(0);
    CHECK(count(machine.collect(), "impaired") == 0);
    machine.corosync->stats["stats.knet.node2.link1.connected"] = FakeCorosync::u8(0);
    const std::string text = machine.collect();
    CHECK(value(text, "impaired{reason=\"host_unreachable\"}") == "1");
    CHECK(count(text, "impaired") == 1);
  }

  TEST_CASE("the process: not real-time, not locked, not in a cgroup of version 2") {
    Machine machine;
    machine.run(1000, 0);
    machine.node.files["proc/77/status"] = "Name:\tcorosync\nVmLck:\t       0 kB\n";
    machine.node.files["proc/77/cgroup"] = "4:memory:/corosync\n1:name=systemd:/system.slice/corosync.service\n";
    const std::string text = machine.collect();
    CHECK(value(text, "process_realtime") == "0");
    CHECK(value(text, "process_locked_bytes") == "0");
    CHECK(value(text, "impaired{reason=\"not_realtime\"}") == "1");
    CHECK(value(text, "impaired{reason=\"not_locked\"}") == "1");
    CHECK(count(text, "impaired") == 2);
    CHECK(count(text, "process_memory_stalled_seconds_total") == 0);
  }

  TEST_CASE("/proc is not searched while the process is known") {
    Machine machine;
    (void)machine.collect();
    machine.node.asked.clear();
    (void)machine.collect();
    CHECK(!machine.node.asked.contains("proc"));
    CHECK(!machine.node.asked.contains("proc/1/comm"));
    CHECK(machine.node.asked.contains("proc/77/stat"));
  }

  TEST_CASE("broken files are told with their place") {
    const std::pair<const char*, const char*> broken[] = {
        {"etc/corosync/corosync.conf", "totem {\n  token: soon\n}\n"},
        {"proc/77/stat", "77 (corosync) S 1 x\n"},
        {"proc/77/status", "Name:\tcorosync\nVmLck:\tmuch kB\n"},
        {"sys/fs/cgroup/system.slice/corosync.service/memory.pressure", "some avg10=0.00 total=soon\n"},
    };
    for (const auto& [path, text] : broken) {
      CAPTURE(path);
      Machine machine;
      (void)machine.collect();
      machine.node.files[path] = text;
      const Status status = machine.status();
      CHECK(status.code == Code::malformed);
      CHECK(status.line > 0);
      CHECK(!status.file.empty());
    }
  }

  TEST_CASE("numbers of other types, and none where a number should be") {
    Machine machine;
    machine.corosync->stats["stats.srp.operational_token_lost"] = FakeCorosync::i32(7);
    machine.corosync->stats["stats.srp.gather_token_lost"] = FakeCorosync::i32(-7);
    machine.corosync->stats["stats.srp.commit_token_lost"] = FakeCorosync::text("many");
    machine.corosync->stats["stats.srp.recovery_token_lost"] = FakeCorosync::text(std::string(300, 'x').c_str());
    const std::string text = machine.collect();
    CHECK(value(text, "token_losses_total{state=\"operational\"}") == "7");
    CHECK(count(text, "token_losses_total") == 1);
  }
}

}  // namespace fencewatch
