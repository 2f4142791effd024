#include <doctest/doctest.h>

#include <random>

#include "events_fakes.h"
#include "exporter/events/channels.h"
#include "exporter/events/matcher.h"

namespace fencewatch {
namespace {

using namespace std::chrono_literals;
using test::FakeLogs;
using test::Hearer;
using Heard = std::vector<std::string>;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

std::vector<Pattern> event_patterns() {
  return {{Channel::kernel, "event", ""}, {Channel::corosync, "event", ""}, {Channel::sbd, "event", ""}};
}

// Channels over fake logs with a clock that the test moves.
struct Rig {
  explicit Rig(FakeLogs& logs, std::vector<std::string> order, std::string boot = "boot1", int64_t boot_start_us = kStart)
      : channels(logs.sources(order), Boot{std::move(boot), boot_start_us}, matcher, [this] { return now_us; }) {}

  // Reads all that is there, `pass` later.
  void run(std::chrono::seconds pass = 0s, size_t max = 100) {
    clock += pass;
    now_us += std::chrono::duration_cast<std::chrono::microseconds>(pass).count();
    for (int rounds = 0; channels.step(clock, max); ++rounds) REQUIRE(rounds < 1000);
  }
  std::string source(Channel channel = Channel::kernel) { return channels.numbers().sources[static_cast<size_t>(channel)]; }
  Snapshot snapshot() {
    Snapshot out;
    CHECK(channels.save(out));
    return out;
  }

  Hearer hearer{event_patterns()};
  Collector* collectors[1] = {&hearer};
  Matcher matcher{collectors};
  Channels::Clock::time_point clock = Channels::Clock::time_point{} + 1h;
  int64_t now_us = kStart;
  Channels channels;
};

}  // namespace

TEST_SUITE("events channels") {
  TEST_CASE("the first source that works feeds the channel, and the later ones are not opened") {
    FakeLogs logs;
    logs["kmsg"].opens = {Code::denied};
    logs["journal"].add(kStart, "event 1");
    logs["file"].add(kStart, "event 1");
    Rig rig(logs, {"kmsg", "none", "journal", "file"});
    rig.run();
    CHECK(rig.hearer.heard == Heard{"0:event 1"});
    CHECK(rig.source() == "journal");
    CHECK(rig.channels.numbers().lines[0] == 1);
    CHECK(rig.channels.numbers().bytes == 7);
    CHECK(logs["journal"].opened == Heard{""});
    CHECK(logs["file"].opened.empty());
    CHECK(rig.channels.changed());
    CHECK_FALSE(rig.channels.changed());
  }

  TEST_CASE("one source feeds several channels, and those without a pattern are not read") {
    FakeLogs logs;
    logs["file"].add(kStart, "event k");
    logs["file"].add(kStart, "event c", Channel::corosync);
    logs["file"].add(kStart, "event p", Channel::pacemaker);
    Rig rig(logs, {"file"});
    rig.run();
    CHECK(rig.hearer.heard == Heard{"0:event k", "1:event c"});
    CHECK(logs["file"].opened.size() == 1);
    CHECK(rig.source(Channel::pacemaker).empty());
    CHECK(rig.channels.numbers().names[static_cast<size_t>(Channel::pacemaker)].empty());
    CHECK(rig.channels.numbers().lines[static_cast<size_t>(Channel::pacemaker)] == 0);
  }

  TEST_CASE("without any source nothing is counted, and one that comes later is read from its beginning") {
    FakeLogs logs;
    logs["file"].opens = {Code::missing};
    logs["file"].from_end = true;
    Rig rig(logs, {"file"});
    rig.run();
    CHECK(rig.source().empty());
    logs["file"].opens = {};
    logs["file"].add(kStart - 3600 * kSecond, "event of a disk that was mounted late");
    logs["file"].add(kStart + 30 * kSecond, "event 1");
    logs["file"].add(0, "event without a time");
    rig.run(60s);
    CHECK(rig.hearer.heard == Heard{"0:event 1", "0:event without a time"});
    CHECK(rig.source() == "file");
  }

  TEST_CASE("a source that fails is tried again after pauses that grow, and never at once") {
    FakeLogs logs;
    logs["file"].opens = {Code::io};
    Rig rig(logs, {"file"});
    for (int i = 0; i < 600; ++i) {
      rig.run();
      rig.run(1s);
    }
    CHECK(logs["file"].opened.size() >= 10);
    CHECK(logs["file"].opened.size() <= 20);
    CHECK(logs["file"].alive == 0);
  }

  TEST_CASE("when a source fails the next one takes over and counts nothing twice and loses nothing") {
    FakeLogs logs;
    for (const char* name : {"a", "b"}) {
      logs[name].add(kStart - 3600 * kSecond, "event old");
      logs[name].add(kStart, "event same");
      logs[name].add(kStart + 1, "event same");
      logs[name].add(kStart + 2, "noise");
    }
    Rig rig(logs, {"a", "b"});
    rig.run();
    CHECK(rig.hearer.heard.size() == 3);
    logs["a"].reads = {Code::io};
    logs["b"].add(kStart + 70 * kSecond, "event new");
    rig.run(70s);
    CHECK(rig.hearer.heard == Heard{"0:event old", "0:event same", "0:event same", "0:event new"});
    CHECK(rig.source() == "b");
    CHECK(logs["b"].opened == Heard{"@" + std::to_string(kStart + 2 - 60 * kSecond)});
    CHECK(logs["a"].alive == 0);
    rig.run(30s);
    logs["b"].add(kStart + 100 * kSecond, "event same");
    rig.run();
    CHECK(rig.hearer.heard.size() == 5);
  }

  TEST_CASE("a source whose times are whole seconds takes over from one that knows better") {
    FakeLogs logs;
    logs["a"].add(kStart + 900'000, "event 1", Channel::corosync);
    logs["b"].add(kStart, "event 1", Channel::corosync);
    logs["b"].add(kStart, "event 2", Channel::corosync);
    Rig rig(logs, {"a", "b"});
    rig.run();
    logs["a"].reads = {Code::io};
    rig.run(1s);
    CHECK(rig.hearer.heard == Heard{"1:event 1", "1:event 2"});
  }

  TEST_CASE("lines that come late to the source that took over are recognised for a while") {
    FakeLogs logs;
    logs["a"].add(kStart, "event 1");
    Rig rig(logs, {"a", "b"});
    logs["b"];
    rig.run();
    logs["a"].reads = {Code::io};
    rig.run();
    CHECK(rig.source() == "b");
    logs["b"].add(kStart + kSecond, "event 1");
    rig.run(1s);
    CHECK(rig.hearer.heard.size() == 1);
    logs["b"].add(kStart + 2 * kSecond, "event 1");
    rig.run(1s);
    CHECK(rig.hearer.heard.size() == 2);
  }

  TEST_CASE("repetitions that one source tells as one line and the other as many are told apart by their number") {
    FakeLogs logs;
    logs["a"].lines = {{kStart, "event 1", Channel::kernel, 3}};
    Rig rig(logs, {"a", "b"});
    uint32_t events = 0;
    rig.hearer.then = [&](const Match& match) { events += match.line.repeated; };
    rig.run();
    CHECK(events == 3);
    logs["b"].lines = {{kStart, "event 1", Channel::kernel, 1}, {kStart, "event 1", Channel::kernel, 4}};
    logs["a"].reads = {Code::io};
    rig.run();
    CHECK(events == 5);
  }

  TEST_CASE("a better source takes over again where it was, and the other one is closed") {
    FakeLogs logs;
    logs["a"].add(kStart, "event 1");
    Rig rig(logs, {"a", "b"});
    rig.run();
    logs["a"].reads = {Code::io};
    logs["b"].add(kStart, "event 1");
    logs["b"].add(kStart + kSecond, "event 2");
    rig.run(1s);
    CHECK(rig.source() == "b");
    logs["a"].reads = {};
    logs["a"].add(kStart + kSecond, "event 2");
    logs["a"].add(kStart + 20 * kSecond, "event 3");
    rig.run(20s);
    CHECK(rig.source() == "a");
    CHECK(logs["b"].alive == 0);
    CHECK(logs["a"].opened == Heard{"", "id:1"});
    CHECK(rig.hearer.heard == Heard{"0:event 1", "0:event 2", "0:event 3"});
  }

  TEST_CASE("what a source throws is its fault") {
    FakeLogs logs;
    logs["a"].throws = true;
    logs["b"].add(kStart, "event 1");
    Rig rig(logs, {"a", "b"});
    rig.run();
    CHECK(rig.source() == "b");
    CHECK(rig.hearer.heard == Heard{"0:event 1"});
  }

  TEST_CASE("lost lines count where they fed a channel") {
    FakeLogs logs;
    logs["a"].loses = 7;
    Rig rig(logs, {"a"});
    rig.run();
    const auto lost = rig.channels.numbers().lost;
    REQUIRE(lost.size() == 1);
    CHECK(lost.begin()->first == std::pair<Channel, std::string>(Channel::kernel, "overrun"));
    CHECK(lost.begin()->second == 7);
  }

  TEST_CASE("the lag is the age of what is being read, and 0 at the end") {
    FakeLogs logs;
    for (int i = 0; i < 3; ++i) logs["a"].add(kStart - (10 - i) * kSecond, "line");
    Rig rig(logs, {"a"});
    CHECK(rig.channels.step(rig.clock, 2));
    CHECK(rig.channels.numbers().lag_seconds == 9.0);
    CHECK_FALSE(rig.channels.step(rig.clock, 2));
    CHECK(rig.channels.numbers().lag_seconds == 0.0);
  }

  TEST_CASE("after a restart the source goes on where it was") {
    FakeLogs logs;
    logs["a"].from_end = true;
    Snapshot saved;
    {
      Rig rig(logs, {"a"});
      rig.run();
      logs["a"].add(kStart, "event 1");
      rig.run();
      saved = rig.snapshot();
      CHECK(saved.boot_id == "boot1");
    }
    logs["a"].add(kStart, "event 1");
    Rig rig(logs, {"a"});
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
      Rig rig(logs, {"a", "b"});
      rig.run();
      saved = rig.snapshot();
    }
    logs["a"].opens = {Code::denied};
    logs["b"].add(kStart - 600 * kSecond, "event 0");
    logs["b"].add(kStart, "event 1");
    logs["b"].add(kStart + kSecond, "event 2");
    Rig rig(logs, {"a", "b"});
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
      Rig rig(logs, {"kmsg", "journal"});
      rig.run(100s);
      saved = rig.snapshot();
    }
    const int64_t reboot = kStart + 300 * kSecond;
    logs["kmsg"].lines.clear();
    logs["kmsg"].id = "boot2";
    logs["kmsg"].add(reboot + kSecond, "event 3");
    logs["journal"].add(kStart + 101 * kSecond, "event 2");
    logs["journal"].add(reboot + kSecond, "event 3");
    Rig rig(logs, {"kmsg", "journal"}, "boot2", reboot);
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
    Rig alone(logs, {"file", "none"});
    alone.run();
    CHECK(alone.source() == "file");
    logs["journal"].add(kStart + kSecond, "event 1");
    Rig rig(logs, {"file", "journal"});
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
      Rig rig(logs, {"file", "journal"}, "boot0", kStart - 1000 * kSecond);
      rig.now_us = kStart - 100 * kSecond;
      rig.run();
      CHECK(rig.hearer.heard == Heard{"0:event 1"});
      before = rig.snapshot();
    }
    logs["file"].add(kStart - 99 * kSecond, "event 2");
    for (const int number : {1, 2}) logs["journal"].add(kStart - (101 - number) * kSecond, "event " + std::to_string(number));
    logs["journal"].add(kStart + kSecond, "event 3");
    Rig rig(logs, {"file", "journal"});
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
      auto rig = std::make_unique<Rig>(logs, order);
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
          rig = std::make_unique<Rig>(logs, order);
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
