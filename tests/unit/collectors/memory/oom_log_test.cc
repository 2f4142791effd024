// One kill is counted once, in every kernel's wording.
#include "collectors/memory/oom_log.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "exporter/collect/counts.h"
#include "tests/unit/web/listener.h"

namespace fencewatch {
namespace {

// A collector that is nothing but the OomLog.
class Kills final : public Collector {
 public:
  Status collect(const Node&, Page&) override { return {}; }
  std::span<const Pattern> patterns() const override { return OomLog::patterns(); }
  void on_event(const Match& match) override {
    if (match.pattern >= OomLog::no_killable) {
      others +=
          std::to_string(match.pattern - OomLog::no_killable) + (match.groups.empty() ? "" : ":" + std::string(match.groups[0])) + " ";
    } else if (const auto kill = log.hear(match)) {
      kills +=
          std::to_string(kill->pid) + " " + std::string(name(kill->constraint)) + (kill->memcg.empty() ? "" : " " + kill->memcg) + "\n";
    }
  }
  OomLog log;
  std::string kills, others;
};

const Spec kKills = {.name = "kills", .summary = "kills", .families = {}, .make = [](const Settings&) -> std::unique_ptr<Collector> {
                       return std::make_unique<Kills>();
                     }};

struct Told {
  std::string kills, others;
};

constexpr int64_t kStart = 1'795'000'000'000'000, kSecond = 1'000'000;

Told told(std::initializer_list<std::string_view> lines, int64_t apart_us = 1000) {
  test::Listener listener(kKills);
  int64_t time = kStart;
  for (const std::string_view line : lines) listener.say(Channel::kernel, line, time += apart_us);
  const auto& kills = dynamic_cast<const Kills&>(*listener.collector);
  return {kills.kills, kills.others};
}
std::string kills(std::initializer_list<std::string_view> lines) { return told(lines).kills; }
std::string others(std::string_view line) { return told({line}).others; }

constexpr std::string_view kInvoked = "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
std::string killed(std::string_view prefix, int pid, std::string_view who = "java") {
  return std::string(prefix) + "Killed process " + std::to_string(pid) + " (" + std::string(who) + ") total-vm:66524kB, anon-rss:65356kB";
}
constexpr std::string_view kMemcg = "Memory cgroup out of memory: ", kGlobal = "Out of memory: ";
std::string summary(std::string_view constraint, std::string_view where, int pid, std::string_view who = "java") {
  return "oom-kill:constraint=CONSTRAINT_" + std::string(constraint) + ",nodemask=(null),cpuset=/,mems_allowed=0-1," + std::string(where) +
         ",task=" + std::string(who) + ",pid=" + std::to_string(pid) + ",uid=0";
}

}  // namespace

TEST_SUITE("oom_log") {
  TEST_CASE("oom_log: every pattern matches its example") { test::check_examples(kKills); }

  TEST_CASE("oom_log: the line of the kill, in the words of each kernel") {
    struct {
      std::string_view line;
      std::string_view kill;
    } const wordings[] = {
        {"Out of Memory: Killed process 3213 (java).", "3213 global"},  // 2.6.9
        {"Out of memory: Killed process 21512 (httpd).", "21512 global"},
        {"Killed process 215701, UID 679, (java) total-vm:8kB, anon-rss:4kB, file-rss:0kB", "215701 unknown"},  // RHEL 6
        {"Killed process 17982 (java) total-vm:8kB, anon-rss:4kB, file-rss:0kB", "17982 unknown"},              // 3.10
        {"Killed process 5372 (mongod), UID 0, total-vm:8kB, anon-rss:4kB", "5372 unknown"},                    // RHEL 7.9
        {"Killed process 161 (v1hog) total-vm:66520kB, anon-rss:65092kB, file-rss:4kB, shmem-rss:648kB", "161 unknown"},
        {"Out of memory: Killed process 306 (globalhog) total-vm:8kB, anon-rss:4kB, UID:0 pgtables:7408kB oom_score_adj:0", "306 global"},
        {"Memory cgroup out of memory: Killed process 263 (corosync-like) total-vm:8kB", "263 memcg"},
        {"Out of memory (oom_kill_allocating_task): Killed process 12 (x) total-vm:8kB", "12 global"},
        {"Memory cgroup out of memory (oom_kill_allocating_task): Killed process 12 (x) total-vm:8kB", "12 memcg"},
        {"Memory cgroup out of memory: Killed process 7 ((sd-pam)) total-vm:8kB", "7 memcg"},
        {"Memory cgroup out of memory: Killed process 7 (Web Content) total-vm:8kB", "7 memcg"},
        {"Memory cgroup out of memory: Killed process 7 (mutmut: wks.api) total-vm:8kB", "7 memcg"},
        {"[    7.421589][  T410] Memory cgroup out of memory: Killed process 410 (grouphog) total-vm:8kB", "410 memcg"},
        {"Out of memory: Killed process 306 (glob", "306 global"},  // the rest was overwritten on a serial console
    };
    for (const auto& [line, kill] : wordings) {
      CAPTURE(line);
      CHECK(kills({line}) == std::string(kill) + "\n");
    }
  }

  TEST_CASE("oom_log: lines about a kill that are not the kill, and words of users") {
    for (const std::string_view line : {
             "oom_reaper: reaped process 161 (v1hog), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
             "Out of memory: Kill process 17982 (java) score 77 or sacrifice child",
             "Kill process 18 (java) sharing same memory",
             "OOM victim 18 (java) is already exiting. Skip killing the task",
             "EXT4-fs (loop0): Unrecognized mount option \"Killed process 1 (x) total-vm:1kB, anon-rss:1kB\" or missing value",
             "EXT4-fs (loop0): Unrecognized mount option \"a\nOut of memory: Killed process 1 (x) total-vm:1kB\" or missing value",
             "audit: type=1400 comm=\"Killed process 1 (x) total-vm:1kB\"",
             "x: Killed process 1 (x) total-vm:1kB",
             "Killed process  (x) total-vm:1kB",
             "Killed process 99999999999 (x) total-vm:1kB",
             "Killed process 0 (x) total-vm:1kB",
             "Killed process 12",
         }) {
      CAPTURE(line);
      CHECK(kills({line}) == "");
    }
  }

  TEST_CASE("oom_log: a user cannot write into other events either") {
    CHECK(others("EXT4-fs (loop0): Unrecognized mount option \"x: page allocation failure: order:9\" or missing value") == "");
    CHECK(others("EXT4-fs (loop0): Unrecognized mount option \"Out of memory and no killable processes...\" or missing value") == "");
    CHECK(others("EXT4-fs (loop0): \"Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled\"") == "");
  }

  TEST_CASE("oom_log: 2.6 to 4.20, the constraint and the cgroup come before") {
    CHECK(kills({kInvoked, "Task in /lab/a killed as a result of limit of /lab",
                 "Memory cgroup out of memory: Kill process 161 (java) score "
                 "1005 or sacrifice child",
                 killed("", 161)}) == "161 memcg /lab/a\n");
    CHECK(kills({kInvoked, "Out of memory: Kill process 407 (java) score 963 or sacrifice child", killed("", 407)}) == "407 global\n");
    CHECK(kills({kInvoked, "Out of memory: kill process 407 (java) score 963 or a child", killed("", 408)}) == "408 global\n");
  }

  TEST_CASE("oom_log: the victim is the child that was sacrificed") {
    CHECK(kills({kInvoked, "Task in /pod killed as a result of limit of /pod",
                 "Memory cgroup out of memory: Kill process 100 (sh) score 1 or "
                 "sacrifice child",
                 killed("", 101, "worker")}) == "101 memcg /pod\n");
  }

  TEST_CASE("oom_log: 5.0 and later, the summary comes before") {
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a/b", 4711), killed(kMemcg, 4711)}) == "4711 memcg /a/b\n");
    CHECK(kills({kInvoked, summary("NONE", "global_oom,task_memcg=/x", 4711), killed(kGlobal, 4711)}) == "4711 global /x\n");
    CHECK(kills({kInvoked, summary("CPUSET", "global_oom,task_memcg=/x", 4711), killed(kGlobal, 4711)}) == "4711 cpuset /x\n");
    CHECK(kills({kInvoked, summary("MEMORY_POLICY", "global_oom,task_memcg=/x", 4711), killed(kGlobal, 4711)}) == "4711 mempolicy /x\n");
    // NONE was wrong for cgroups until 5.3.
    CHECK(kills({kInvoked, summary("NONE", "oom_memcg=/a,task_memcg=/a", 4711), killed(kMemcg, 4711)}) == "4711 memcg /a\n");
    CHECK(kills({kInvoked, summary("NONE", "oom_memcg=/a,task_memcg=/a", 4711), killed("", 4711)}) == "4711 memcg /a\n");
    // 6.1 in a guest of ours has no cpuset.
    CHECK(kills({kInvoked, "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/,task=globalhog,pid=246,uid=0",
                 killed(kGlobal, 246)}) == "246 global /\n");
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a(1),b,task_memcg=/a(1),b/c", 4711, "x,y,pid=1"), killed(kMemcg, 4711)}) ==
          "4711 memcg /a(1),b/c\n");
  }

  TEST_CASE("oom_log: a 4.19 of openEuler or Kylin tells one kill in four lines") {
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a/b", 4711),
                 "Memory cgroup out of memory: Kill process 4711 (java) score 1000 or sacrifice child", killed("", 4711),
                 "oom_reaper: reaped process 4711 (java), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"}) == "4711 memcg /a/b\n");
    CHECK(kills({kInvoked, summary("CPUSET", "global_oom,task_memcg=/a/b", 4711),
                 "Out of memory: Kill process 4711 (java) score 1000 or sacrifice child", killed("", 4712)}) == "4712 cpuset /a/b\n");
  }

  TEST_CASE("oom_log: the summary names the process, the kill a thread of it") {
    const auto thread = [](std::string_view prefix) { return killed(prefix, 86, "C2 CompilerThre"); };
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a/b", 85), thread(kMemcg)}) == "86 memcg /a/b\n");
    CHECK(kills({kInvoked, summary("MEMORY_POLICY", "global_oom,task_memcg=/x", 85), thread(kGlobal)}) == "86 mempolicy /x\n");
    CHECK(kills({kInvoked, summary("CPUSET", "global_oom,task_memcg=/x", 85),
                 "Out of memory: Kill process 85 (java) score 1 or sacrifice child", thread("")}) == "86 cpuset /x\n");
    CHECK(kills({summary("CPUSET", "global_oom,task_memcg=/x", 85), thread(kGlobal)}) == "86 cpuset /x\n");
    // The next one is another, of which the kernel told no summary; and so is one for another want.
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a/b", 85), thread(kMemcg), killed(kMemcg, 90)}) ==
          "86 memcg /a/b\n90 memcg\n");
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a/b", 85), thread(kGlobal)}) == "86 global\n");
    CHECK(kills({kInvoked, summary("CPUSET", "global_oom,task_memcg=/a/b", 85), thread(kMemcg)}) == "86 memcg\n");
    // The whole group: the thread's line is printed twice.
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/grp,task_memcg=/grp/x", 85), thread(kMemcg),
                 "Tasks in /grp are going to be killed due to memory.oom.group set", thread(kMemcg), killed(kMemcg, 87, "sibling")}) ==
          "86 memcg /grp/x\n87 memcg /grp\n");
  }

  TEST_CASE("oom_log: a summary in several records, wherever the kernel broke it") {
    const std::string begin = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0";
    const std::string parts[] = {",oom_memcg=/outer", ",task_memcg=", "/outer/kubelet.slice/b", ",task=hog,pid=93,uid=0"};
    for (unsigned breaks = 1; breaks < 16; ++breaks) {
      CAPTURE(breaks);
      std::vector<std::string> lines = {begin};
      for (unsigned i = 0; i < 4; ++i) {
        if (breaks >> i & 1) lines.emplace_back();
        lines.back() += parts[i];
      }
      if (std::find(lines.begin(), lines.end(), parts[2]) != lines.end()) continue;  // a path alone: nothing tells what it is
      test::Listener listener(kKills);
      int64_t time = kStart;
      for (const std::string& line : lines) listener.say(Channel::kernel, line, time += 1000);
      listener.say(Channel::kernel, killed(kMemcg, 94, "thread"), time);
      CHECK(dynamic_cast<const Kills&>(*listener.collector).kills == "94 memcg /outer/kubelet.slice/b\n");
    }
    // What goes on without a beginning, or much later, or without an end.
    CHECK(kills({kInvoked, "/a,task=hog,pid=93,uid=0", killed(kMemcg, 93)}) == "93 memcg\n");
    CHECK(told({begin + ",oom_memcg=/a,task_memcg=", "/a/b,task=hog,pid=93,uid=0", killed(kMemcg, 93)}, 61 * kSecond).kills ==
          "93 memcg\n");
    CHECK(kills({begin + ",oom_memcg=/a,task_memcg=", killed(kMemcg, 93)}) == "93 memcg\n");
    const std::string long_path = ",task_memcg=" + std::string(5000, 'x');
    CHECK(kills({begin, long_path, long_path, long_path, ",task=hog,pid=93,uid=0", killed(kMemcg, 93)}) == "93 memcg\n");
  }

  TEST_CASE("oom_log: memory.oom.group kills many, and prints the first victim twice") {
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/grp,task_memcg=/grp/x", 410), killed(kMemcg, 410),
                 "Tasks in /grp are going to be killed due to memory.oom.group set", killed(kMemcg, 410), killed(kMemcg, 411, "sibling"),
                 killed(kMemcg, 412)}) == "410 memcg /grp/x\n411 memcg /grp\n412 memcg /grp\n");
  }

  TEST_CASE("oom_log: what was said of one kill is not taken for the next") {
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a", 10), killed(kMemcg, 10), killed(kMemcg, 11)}) ==
          "10 memcg /a\n11 memcg\n");  // the kernel left the summary out: it is rate limited
    CHECK(kills({kInvoked, "Task in /a killed as a result of limit of /a",
                 "Memory cgroup out of memory: Kill process 10 (x) score 1 or "
                 "sacrifice child",
                 killed("", 10), "Out of memory: Kill process 11 (x) score 1 or sacrifice child", killed("", 11)}) ==
          "10 memcg /a\n11 global\n");
    CHECK(kills({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a", 10), kInvoked, killed(kGlobal, 10)}) == "10 global\n");
    CHECK(told({kInvoked, summary("MEMCG", "oom_memcg=/a,task_memcg=/a", 10), killed(kGlobal, 10)}, 61 * kSecond).kills == "10 global\n");
  }

  TEST_CASE("oom_log: the same pid is another kill when time has passed, whatever was killed in between") {
    CHECK(told({killed(kGlobal, 10), killed(kGlobal, 10)}, 9 * kSecond).kills == "10 global\n");
    CHECK(told({killed(kGlobal, 10), killed(kGlobal, 10)}, 11 * kSecond).kills == "10 global\n10 global\n");
    CHECK(told({killed(kGlobal, 10), killed(kGlobal, 11), killed(kGlobal, 10)}).kills == "10 global\n11 global\n");
  }

  TEST_CASE("oom_log: a restart between any two lines of one kill changes nothing") {
    const std::vector<std::string> lines = {std::string(kInvoked),
                                            summary("MEMCG", "oom_memcg=/a,task_memcg=/a b/c", 410),
                                            "Memory cgroup out of memory: Kill process 410 (java)",
                                            killed("", 410),
                                            "Tasks in /a are going to be killed due to memory.oom.group set",
                                            killed(kMemcg, 410),
                                            killed(kMemcg, 411),
                                            std::string(kInvoked),
                                            summary("CPUSET", "global_oom,task_memcg=/x", 412),
                                            killed(kGlobal, 412)};
    for (size_t at = 0; at <= lines.size(); ++at) {
      CAPTURE(at);
      test::Listener before(kKills), after(kKills);
      int64_t time = kStart;
      std::string kills;
      for (size_t i = 0; i < lines.size(); ++i) {
        if (i == at) dynamic_cast<Kills&>(*after.collector).log.remember(dynamic_cast<Kills&>(*before.collector).log.memory());
        (i < at ? before : after).say(Channel::kernel, lines[i], time += 1000);
      }
      CHECK(dynamic_cast<Kills&>(*before.collector).kills + dynamic_cast<Kills&>(*after.collector).kills ==
            "410 memcg /a b/c\n411 memcg /a\n412 cpuset /x\n");
    }
  }

  TEST_CASE("oom_log: a memory that is damaged is left alone") {
    OomLog source;
    const Line line{Channel::kernel, "", "kernel", kStart};
    const std::string_view groups[] = {"Memory", "410"};
    REQUIRE(source.hear({line, OomLog::killed, groups}));
    const std::string whole = source.memory();
    for (size_t n = 0; n < whole.size(); ++n) {
      OomLog log;
      log.remember(whole.substr(0, n));
      log.remember("x " + whole.substr(n));
      CHECK(log.hear({line, OomLog::killed, groups}).has_value() == (n < whole.find(' ')));
    }
    OomLog log;
    log.remember("; 1 2 9 9 9 /x");
    log.remember(";");
    CHECK(log.memory() == OomLog().memory());
  }

  TEST_CASE("oom_log: page allocation failures by order") {
    CHECK(others("swapper/1: page allocation failure: order:1, mode:0x20") == "2:1 ");
    CHECK(others("swapper: page allocation failure. order:4, mode:0x20") == "2:4 ");
    CHECK(others("swapper/100: page allocation failure: order:0, mode:0x480020(GFP_ATOMIC), nodemask=(null)") == "2:0 ");
    CHECK(others("kworker/u8:3: page allocation failure: order:10, mode:0x40dc0, nodemask=(null),cpuset=/,mems_allowed=0") == "2:10 ");
    CHECK(others("Web Content: page allocation failure: order:2, mode:0x20") == "2:2 ");
    CHECK(others("page allocation failure: order:0, mode:0x2080020(GFP_ATOMIC)") == "2:0 ");  // 4.9, the name torn off
    CHECK(others("[  206.418908] page allocation failure: order:3, mode:0x2080020(GFP_ATOMIC)") == "2:3 ");
    CHECK(others("a name too long for one: page allocation failure: order:3, mode:0x20") == "");
    CHECK(others("x: page allocation stalls for 10000ms, order:0, mode:0x14") == "");
  }

  TEST_CASE("oom_log: nothing to kill, and panics") {
    CHECK(others("Out of memory and no killable processes...") == "0 ");
    CHECK(others("Kernel panic - not syncing: Out of memory and no killable processes...") == "0 1 ");
    CHECK(others("Kernel panic - not syncing: System is deadlocked on memory") == "1 ");
    CHECK(others("Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled") == "1 ");
    CHECK(others("Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled") == "1 ");
    CHECK(others("Kernel panic - not syncing: out of memory. panic_on_oom is selected") == "1 ");
    CHECK(others("Kernel panic - not syncing: sysrq triggered crash") == "");
  }

  TEST_CASE("oom_log: recordings") {
    const std::pair<std::string, std::string> recordings[] = {
        {"linux-4.19-miscount", "407 global\n"},
        {"linux-4.19-miscount-memcg-v1-oom", "161 memcg /lab/a\n"},
        {"linux-6.1-healthy-global-oom", "306 global /\n"},
        {"linux-6.1-memcg-v2-oom", "263 memcg /lab/a\n410 memcg /grp\n411 memcg /grp\n"},
        {"linux-6.1-miscount", "246 global /\n"},
    };
    for (const auto& [recording, expected] : recordings) {
      CAPTURE(recording);
      test::Listener listener(kKills);
      listener.kmsg(std::string(FIXTURES) + "/oom/" + recording + ".kmsg");
      CHECK(dynamic_cast<const Kills&>(*listener.collector).kills == expected);
    }
  }
}

}  // namespace fencewatch
