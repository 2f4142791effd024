#include "collectors/corosync/process.h"

#include <doctest/doctest.h>

#include "collectors/corosync/client.h"
#include "collectors/corosync/token_gaps.h"

namespace fencewatch {
namespace {

constexpr std::string_view kStat =
    "77 (a (b) c) S 1 77 77 0 -1 4194624 5000 0 12 0 100 50 0 0 -100 0 9 0 431 100 200 1 1 1 1 1 1 0 0 0 0 0 0 0 17 0 99 2 0 0 0\n";

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

TEST_SUITE("corosync_process") {
  TEST_CASE("stat: a name with brackets and blanks") {
    ProcessStat stat;
    REQUIRE(parse_process_stat(kStat, stat));
    CHECK(stat.command == "a (b) c");
    CHECK(stat.state == 'S');
    CHECK(stat.major_faults == 12);
    CHECK(stat.start_time == 431);
    CHECK(stat.policy == 2);
  }

  TEST_CASE("stat: cut off anywhere") {
    for (size_t length = 0; length < kStat.size(); ++length) {
      ProcessStat stat;
      CAPTURE(length);
      const Status status = parse_process_stat(kStat.substr(0, length), stat);
      CHECK(status.code == Code::malformed);
      CHECK(status.line == 1);
      CHECK(!parse_process_stat(std::string(kStat.substr(0, length)) + "\n", stat) == (length < kStat.rfind(" 2 0 0 0") + 2));
    }
  }

  TEST_CASE("status: locked memory") {
    std::optional<uint64_t> locked;
    REQUIRE(parse_locked_bytes("Name:\tcorosync\nVmLck:\t    4 kB\nThreads:\t9\n", locked));
    CHECK(locked == 4096u);
    REQUIRE(parse_locked_bytes("Name:\tkthreadd\n", locked));
    CHECK(!locked);
    CHECK(parse_locked_bytes("Name:\tx\nVmLck:\t -4 kB\n", locked).line == 2);
    CHECK(parse_locked_bytes("VmLck:\t 18446744073709551615 kB\n", locked).line == 1);
    CHECK(parse_locked_bytes("Name:\tx\nVmLck:\t 4", locked).line == 2);
  }

  TEST_CASE("cgroup: of version 2 and reachable from here") {
    CHECK(parse_cgroup("0::/system.slice/corosync.service\n") == "/system.slice/corosync.service");
    CHECK(parse_cgroup("4:memory:/x\n0::/y\n") == "/y");
    CHECK(parse_cgroup("4:memory:/x\n").empty());
    CHECK(parse_cgroup("0::/\n").empty());
    CHECK(parse_cgroup("0::/../../init.scope\n").empty());
    CHECK(parse_cgroup("").empty());
  }

  TEST_CASE("pauses grow to a minute, and are five after a refusal") {
    Backoff backoff;
    Backoff::Clock::time_point now{};
    CHECK(backoff.due(now));
    for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60}) {
      CAPTURE(pause);
      backoff.failed({Code::refused, 0, {}, "x"}, now);
      CHECK(backoff.fault().code == Code::refused);
      CHECK(!backoff.due(now + seconds(pause) - milliseconds(1)));
      now += seconds(pause);
      CHECK(backoff.due(now));
    }
    backoff.failed({Code::denied, 0, {}, "x"}, now);
    CHECK(!backoff.due(now + seconds(299)));
    CHECK(backoff.due(now + seconds(300)));
    backoff.reset();
    CHECK(backoff.due(now));
  }

  TEST_CASE("gaps between tokens are put together from samples and told once") {
    TokenGaps gaps;
    TokenGaps::Clock::time_point now{std::chrono::hours(1)};
    const auto after = [&](int elapsed, int since) {
      now += milliseconds(elapsed);
      return gaps.see(now, milliseconds(since));
    };
    CHECK(!after(0, 100));
    CHECK(!after(250, 350));
    CHECK(!after(250, 605));  // the answer took a while
    CHECK(after(250, 30) == milliseconds(605));
    CHECK(after(250, 30) == milliseconds(30));
    CHECK(!after(250, 280));
    gaps.forget();
    CHECK(!after(250, 10));
    CHECK(after(250, 10) == milliseconds(10));
  }
}

}  // namespace fencewatch
