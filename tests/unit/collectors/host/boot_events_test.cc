// What the logs told in the last minutes of the boot before this one.
#include "collectors/host/boot_events.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "exporter/logs/match/matcher.h"

namespace fencewatch {
namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kFirst = 1'795'000'020;  // when a boot begins, in seconds

class Hearing : public Collector {
 public:
  Hearing() : all_{this}, matcher_(std::span<Collector* const>(all_)) {}
  Status collect(const Node&, Page&) override { return {}; }
  std::span<const Pattern> patterns() const override { return events.patterns(); }
  void on_event(const Match& match) override { events.on_event(match); }

  void say(Channel channel, std::string_view text, int64_t seconds, uint32_t repeated = 1) {
    const Line line{channel, text, name(channel), seconds * 1'000'000, repeated};
    matcher_.find(line);
    matcher_.tell(line);
  }
  void lose_token(int64_t seconds) { say(Channel::corosync, "[TOTEM ] A processor failed, forming new configuration.", seconds); }
  // "name=count …" of what is not 0; "-": nothing is known.
  std::string previous() const {
    const auto counted = events.previous();
    if (!counted) return "-";
    std::string text;
    for (size_t i = 0; i < counted->size(); ++i)
      if ((*counted)[i] != 0)
        text.append(text.empty() ? "" : " ").append(BootEvents::name(i)).append("=").append(std::to_string((*counted)[i]));
    return text;
  }

  BootEvents events;

 private:
  Collector* all_[1];
  Matcher matcher_;
};

// The memory of a boot "a" that was alive until 100 minutes after its beginning, and what was said in it.
std::string memory_of_a() {
  Hearing a;
  a.events.booted("a", kFirst);
  a.lose_token(kFirst + 80 * kMinute);
  a.lose_token(kFirst + 95 * kMinute);
  a.say(Channel::corosync, "[TOTEM ] Token has not been received in 2737 ms ", kFirst + 99 * kMinute, 3);
  a.say(Channel::kernel, "Out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:8kB, file-rss:0kB", kFirst + 99 * kMinute);
  CHECK(a.previous() == "-");
  return a.events.memory(kFirst + 100 * kMinute);
}

}  // namespace

TEST_SUITE("boot events") {
  TEST_CASE("boot events: what was told in the last ten minutes before another boot, kept while that lasts") {
    Hearing b;
    b.events.remember(memory_of_a());
    b.events.booted("b", kFirst + 105 * kMinute);
    CHECK(b.previous() == "oom_kill=1 token_warning=3 token_timeout=1");
    b.lose_token(kFirst + 106 * kMinute);
    CHECK(b.previous() == "oom_kill=1 token_warning=3 token_timeout=1");
    Hearing again;
    again.events.remember(b.events.memory(kFirst + 107 * kMinute));
    again.events.booted("b", kFirst + 105 * kMinute);
    CHECK(again.previous() == "oom_kill=1 token_warning=3 token_timeout=1");
    Hearing c;
    c.events.remember(again.events.memory(kFirst + 108 * kMinute));
    c.events.booted("c", kFirst + 110 * kMinute);
    CHECK(c.previous() == "token_timeout=1");
  }

  TEST_CASE("boot events: what is read after the boot and is of the time before it") {
    Hearing b;
    b.events.remember(memory_of_a());
    b.events.booted("b", kFirst + 105 * kMinute);
    b.say(Channel::corosync, "[KNET  ] link: host: 2 link: 0 is down", kFirst + 101 * kMinute);
    b.say(Channel::corosync, "[KNET  ] link: host: 2 link: 0 is down", kFirst + 50 * kMinute);  // not of its last minutes
    CHECK(b.previous() == "oom_kill=1 token_warning=3 token_timeout=1 link_down=1");
  }

  TEST_CASE("boot events: nothing is known without a memory, or while the boot is the same") {
    Hearing a;
    CHECK(a.events.memory(kFirst).empty());  // of which boot?
    a.lose_token(kFirst);
    a.events.booted("a", kFirst + kMinute);
    a.lose_token(kFirst);
    CHECK(a.previous() == "-");
    Hearing same;
    same.events.remember(memory_of_a());
    same.events.booted("a", kFirst);
    CHECK(same.previous() == "-");
  }

  TEST_CASE("boot events: a quiet end is known as such, and only the last minutes are kept") {
    Hearing a;
    a.events.booted("a", kFirst);
    for (int minute = 0; minute < 1000; ++minute) a.lose_token(kFirst + minute * kMinute);
    const std::string memory = a.events.memory(kFirst + 2000 * kMinute);
    CHECK(std::count(memory.begin(), memory.end(), ';') <= BootEvents::kMinutes + 2);
    Hearing b;
    b.events.remember(memory);
    b.events.booted("b", kFirst + 2001 * kMinute);
    CHECK(b.previous() == "");
  }

  TEST_CASE("boot events: every prefix of a memory") {
    const std::string whole = memory_of_a();
    for (size_t n = 0; n < whole.size(); ++n) {
      Hearing b;
      b.events.remember(std::string_view(whole).substr(0, n));
      b.events.booted("b", kFirst + 105 * kMinute);
      CHECK_MESSAGE(b.previous().find("token_timeout=2") == std::string::npos, n);
    }
    Hearing b;
    b.events.remember("a 29916667 0 sun_spots=3 ; 29916662 sun_spots=1 token_timeout=1 ;");  // of a later version
    b.events.booted("b", kFirst + 105 * kMinute);
    CHECK(b.previous() == "token_timeout=1");
  }
}

}  // namespace fencewatch
