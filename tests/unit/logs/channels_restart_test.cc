// Channels over restarts, reboots, files that rest, and crashes.
#include <doctest/doctest.h>

#include <random>

#include "tests/unit/logs/channels_rig.h"

namespace fencewatch {

using namespace test;

TEST_SUITE("events channels") {
  TEST_CASE("after a restart the source goes on where it was") {
    FakeLogs logs;
    logs["a"].from_end = true;
    Snapshot saved;
    {
      ChannelsRig rig(logs, {"a"});
      rig.run();
      logs["a"].add(kStart, "event 1");
      rig.run();
      saved = rig.snapshot();
      CHECK(saved.boot_id == "boot1");
    }
    logs["a"].add(kStart, "event 1");
    ChannelsRig rig(logs, {"a"});
    rig.channels.restore(saved);
    rig.run();
    CHECK(logs["a"].opened == Heard{"", "id:1"});
    CHECK(rig.hearer.heard == Heard{"0:event 1"});
  }

  TEST_CASE("after a restart another source goes on where the one before was") {
    FakeLogs logs;
    logs["a"].add(kStart, "event 1");
    Snapshot saved;
    {
      ChannelsRig rig(logs, {"a", "b"});
      rig.run();
      saved = rig.snapshot();
    }
    logs["a"].opens = {Code::denied};
    logs["b"].add(kStart - 600 * kSecond, "event 0");
    logs["b"].add(kStart, "event 1");
    logs["b"].add(kStart + kSecond, "event 2");
    ChannelsRig rig(logs, {"a", "b"});
    rig.channels.restore(saved);
    rig.run();
    CHECK(rig.hearer.heard == Heard{"0:event 2"});
  }

  TEST_CASE("after a reboot the end of the boot before is taken from a source that still has it") {
    FakeLogs logs;
    logs["kmsg"].add(kStart + 100 * kSecond, "event 1");
    logs["journal"].add(kStart + 100 * kSecond, "event 1");
    Snapshot saved;
    {
      ChannelsRig rig(logs, {"kmsg", "journal"});
      rig.run(100s);
      saved = rig.snapshot();
    }
    const int64_t reboot = kStart + 300 * kSecond;
    logs["kmsg"].lines.clear();
    logs["kmsg"].id = "boot2";
    logs["kmsg"].add(reboot + kSecond, "event 3");
    logs["journal"].add(kStart + 101 * kSecond, "event 2");
    logs["journal"].add(reboot + kSecond, "event 3");
    ChannelsRig rig(logs, {"kmsg", "journal"}, "boot2", reboot);
    rig.channels.restore(saved);
    rig.now_us = reboot + 2 * kSecond;
    CHECK(rig.channels.step(rig.clock, 2));
    Snapshot none;
    CHECK_FALSE(rig.channels.save(none));
    rig.run();
    CHECK(rig.source() == "kmsg");
    CHECK(rig.snapshot().boot_id == "boot2");
    CHECK(logs["journal"].alive == 1);
    rig.run();
    CHECK(logs["journal"].alive == 0);
    std::sort(rig.hearer.heard.begin(), rig.hearer.heard.end());
    CHECK(rig.hearer.heard == Heard{"0:event 2", "0:event 3"});
  }

  TEST_CASE("a file that nobody has written to since this boot gives way to a source that works, until it is written to") {
    FakeLogs logs;
    logs["file"].from_end = true;
    logs["file"].add(kStart - 86400 * kSecond, "event old");
    logs["file"].written_us = kStart - 86400 * kSecond;
    ChannelsRig alone(logs, {"file", "none"});
    alone.run();
    CHECK(alone.source() == "file");
    logs["journal"].add(kStart + kSecond, "event 1");
    ChannelsRig rig(logs, {"file", "journal"});
    rig.now_us += 10 * kSecond;
    rig.run();
    CHECK(rig.source() == "journal");
    CHECK(logs["file"].alive == 1);  // that of the other rig
    for (const char* name : {"journal", "file"}) logs[name].add(kStart + 11 * kSecond, "event 2");
    logs["file"].written_us = kStart + 11 * kSecond;
    rig.run(5s);
    CHECK(rig.source() == "file");
    logs["file"].add(kStart + 20 * kSecond, "event 3");
    rig.run(5s);
    CHECK(rig.hearer.heard == Heard{"0:event 1", "0:event 2", "0:event 3"});
  }

  TEST_CASE("what a file held that rests now is read before it gives way") {
    FakeLogs logs;
    logs["file"].add(kStart - 100 * kSecond, "event 1");
    logs["file"].written_us = kStart - 100 * kSecond;
    Snapshot before;
    {
      ChannelsRig rig(logs, {"file", "journal"}, "boot0", kStart - 1000 * kSecond);
      rig.now_us = kStart - 100 * kSecond;
      rig.run();
      CHECK(rig.hearer.heard == Heard{"0:event 1"});
      before = rig.snapshot();
    }
    logs["file"].add(kStart - 99 * kSecond, "event 2");
    for (const int number : {1, 2}) logs["journal"].add(kStart - (101 - number) * kSecond, "event " + std::to_string(number));
    logs["journal"].add(kStart + kSecond, "event 3");
    ChannelsRig rig(logs, {"file", "journal"});
    rig.channels.restore(before);
    rig.run();
    rig.run(1s);
    CHECK(rig.source() == "journal");
    CHECK(rig.hearer.heard == Heard{"0:event 2", "0:event 3"});
  }

  TEST_CASE("sources that fail and come back and crashes at random: every event once") {
    for (unsigned seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      FakeLogs logs;
      const std::vector<std::string> order = {"a", "b", "c"};
      for (const std::string& name : order) logs[name].from_end = random() % 2 == 0;
      auto rig = std::make_unique<ChannelsRig>(logs, order);
      rig->run();
      Snapshot saved = rig->snapshot();
      std::map<std::string, int> counted, counted_when_saved;
      int events = 0;
      int64_t now_us = kStart;
      const auto collect = [&] {
        for (const std::string& note : rig->hearer.heard) ++counted[note];
        rig->hearer.heard.clear();
      };
      for (int round = 0; round < 60; ++round) {
        for (size_t n = random() % 4; n > 0; --n) {
          now_us += static_cast<int64_t>(random() % (20 * kSecond));
          const std::string text = "event " + std::to_string(events++);
          for (const std::string& name : order) logs[name].add(name == "b" ? now_us / kSecond * kSecond : now_us, text);
        }
        if (random() % 4 == 0) {
          test::FakeLog& log = logs[order[random() % 2]];  // the last one always works
          (random() % 2 == 0 ? log.opens : log.reads) = random() % 2 == 0 ? Status{Code::io} : Status{};
        }
        rig->now_us = now_us;
        rig->run(std::chrono::seconds(random() % 30), 1 + random() % 5);
        now_us = rig->now_us;
        collect();
        if (random() % 3 == 0) saved = rig->snapshot(), counted_when_saved = counted;
        if (random() % 8 == 0) {
          const auto clock = rig->clock;
          rig = std::make_unique<ChannelsRig>(logs, order);
          rig->clock = clock;
          rig->now_us = now_us;
          rig->channels.restore(saved);
          counted = counted_when_saved;
        }
      }
      logs["a"].opens = logs["a"].reads = logs["b"].opens = logs["b"].reads = {};
      rig->now_us = now_us;
      rig->run(100s);
      collect();
      CHECK(static_cast<int>(counted.size()) == events);
      for (const auto& [note, times] : counted) {
        CAPTURE(note);
        CHECK(times == 1);
      }
    }
  }
}

}  // namespace fencewatch
