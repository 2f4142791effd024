// Which source feeds a channel, and what happens when it fails.
#include <doctest/doctest.h>

#include "tests/unit/logs/channels_rig.h"

namespace fencewatch {

using namespace test;

TEST_SUITE("events channels") {
  TEST_CASE("the first source that works feeds the channel, and the later ones are not opened") {
    FakeLogs logs;
    logs["kmsg"].opens = {Code::denied};
    logs["journal"].add(kStart, "event 1");
    logs["file"].add(kStart, "event 1");
    ChannelsRig rig(logs, {"kmsg", "none", "journal", "file"});
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
    ChannelsRig rig(logs, {"file"});
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
    ChannelsRig rig(logs, {"file"});
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
    ChannelsRig rig(logs, {"file"});
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
    ChannelsRig rig(logs, {"a", "b"});
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
    ChannelsRig rig(logs, {"a", "b"});
    rig.run();
    logs["a"].reads = {Code::io};
    rig.run(1s);
    CHECK(rig.hearer.heard == Heard{"1:event 1", "1:event 2"});
  }

  TEST_CASE("lines that come late to the source that took over are recognised for a while") {
    FakeLogs logs;
    logs["a"].add(kStart, "event 1");
    ChannelsRig rig(logs, {"a", "b"});
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
    ChannelsRig rig(logs, {"a", "b"});
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
    ChannelsRig rig(logs, {"a", "b"});
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

  TEST_CASE("a source in which nobody speaks gives way while another works, and is asked again") {
    FakeLogs logs;
    logs["stub"].silent = true;
    logs["stub"].from_end = true;
    logs["b"].add(kStart, "event 1");
    ChannelsRig rig(logs, {"stub", "b"});
    rig.run();
    CHECK(rig.source() == "b");
    logs["stub"].silent = false;
    logs["stub"].add(kStart + 61 * kSecond, "event 2");
    rig.run(30s);
    CHECK(rig.source() == "b");
    rig.run(31s);
    CHECK(rig.source() == "stub");
    CHECK(rig.hearer.heard == Heard{"0:event 1", "0:event 2"});
    logs["stub"].silent = true;  // it fed the channel: nobody may have had a reason to speak since its rotation
    rig.run(120s);
    CHECK(rig.source() == "stub");
  }

  TEST_CASE("a source that is there and cannot be read is told where its speaker is expected, until another one speaks") {
    FakeLogs logs;
    logs["a"].opens = {Code::denied};
    LogSources sources = logs.sources({"a", "b"});
    sources.expected[0] = true;
    Hearer hearer{event_patterns()};
    Collector* collectors[] = {&hearer};
    Matcher matcher{collectors};
    int64_t now_us = kStart;
    Channels::Clock::time_point clock{1h};
    Channels channels(std::move(sources), {"boot1", kStart}, matcher, [&] { return now_us; });
    const auto fault = [&](Channel channel) {
      clock += 100s, now_us += 100 * kSecond;
      for (int rounds = 0; channels.step(clock, 100); ++rounds) REQUIRE(rounds < 100);
      return channels.numbers().faults[static_cast<size_t>(channel)];
    };
    CHECK(fault(Channel::kernel) == Code::denied);
    CHECK(fault(Channel::corosync) == Code::ok);
    logs["b"].silent = true;
    CHECK(fault(Channel::kernel) == Code::denied);
    logs["b"].add(now_us, "event 1");
    CHECK(fault(Channel::kernel) == Code::ok);
    logs["a"].opens = {};
    CHECK(fault(Channel::kernel) == Code::ok);
    CHECK(channels.numbers().sources[0] == "a");
    logs["a"].reads = {Code::io};
    logs["a"].opens = {Code::io};
    logs["b"].opens = {Code::missing};
    CHECK(fault(Channel::kernel) == Code::io);
  }

  TEST_CASE("what a source throws is its fault") {
    FakeLogs logs;
    logs["a"].throws = true;
    logs["b"].add(kStart, "event 1");
    ChannelsRig rig(logs, {"a", "b"});
    rig.run();
    CHECK(rig.source() == "b");
    CHECK(rig.hearer.heard == Heard{"0:event 1"});
  }

  TEST_CASE("lost lines count where they fed a channel") {
    FakeLogs logs;
    logs["a"].loses = 7;
    ChannelsRig rig(logs, {"a"});
    rig.run();
    const LogStats& numbers = rig.channels.numbers();
    const auto& lost = numbers.lost;
    CHECK(numbers.last_lost_us[static_cast<size_t>(Channel::kernel)] >= kStart);
    CHECK(std::count(numbers.last_lost_us.begin(), numbers.last_lost_us.end(), 0) == kAllChannels - 1);
    REQUIRE(lost.size() == 1);
    CHECK(lost.begin()->first == std::pair<Channel, std::string>(Channel::kernel, "overrun"));
    CHECK(lost.begin()->second == 7);
  }

  TEST_CASE("the lag is the age of what is being read, and 0 at the end") {
    FakeLogs logs;
    for (int i = 0; i < 3; ++i) logs["a"].add(kStart - (10 - i) * kSecond, "line");
    ChannelsRig rig(logs, {"a"});
    CHECK(rig.channels.step(rig.clock, 2));
    CHECK(rig.channels.numbers().lag_seconds == 9.0);
    CHECK_FALSE(rig.channels.step(rig.clock, 2));
    CHECK(rig.channels.numbers().lag_seconds == 0.0);
  }
}

}  // namespace fencewatch
