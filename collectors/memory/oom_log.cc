#include "collectors/memory/oom_log.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kTogether = 60 * kSecond;  // the lines of one kill: a serial console can hold up the table of tasks for that long
constexpr size_t kRemembered = 32;           // victims over a restart
constexpr int64_t kTwice = 10 * kSecond;     // the same pid again is the same kill

// Kernel messages are anchored, unlike all others: file systems quote mount options of users, and names of processes come first. Before
// it the time or the caller may stand (CONFIG_PRINTK_CALLER).
#define BEGIN R"(^\s*(?:\[[^\]]*\]\s*)*)"
constexpr Channel kKernel = Channel::kernel;
// Since 5.0, and in 4.19 of some vendors. Names may hold commas and brackets: a name has at most 15 bytes.
#define SUMMARY R"(oom-kill:constraint=CONSTRAINT_(\w+),.*\b(global_oom|oom_memcg=.*),task_memcg=(.*?),task=.{0,15},pid=(\d+),uid=)"
constexpr Pattern kPatterns[] = {
    // Some vendors say "invoked oom: ".
    {kKernel, BEGIN R"(.{0,16} invoked oom(?:-killer)?: (?:.*\border=(-?\d+))?)",
     "v1hog invoked oom-killer: gfp_mask=0x6000c0(GFP_KERNEL), nodemask=(null), order=0, oom_score_adj=0", "oom_invoked", "order"},
    {kKernel, BEGIN R"((oom-kill:constraint=CONSTRAINT_.*))",
     "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods.slice/a.scope,task_memcg="},
    // The same goes on: a record holds 1024 bytes, and paths of nested containers are long. Broken where the kernel appends a part.
    {kKernel, BEGIN R"(((?:/.*)?,(?:oom|task)_memcg=.*|(?:/.*)?,task=.{0,15},pid=\d+,uid=.*))",
     "/kubepods.slice/a.scope/kubelet.slice/b.scope,task=hog,pid=93,uid=0"},
    {kKernel, BEGIN SUMMARY,
     "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0-1,oom_memcg=/lab/a,task_memcg=/lab/a,"
     "task=corosync-like,pid=263,uid=0",
     "oom_summary", "constraint,scope"},
    // Before 5.1.
    {kKernel, BEGIN R"((Memory cgroup out|Out) of [Mm]emory[^:]*: [Kk]ill process \d)",
     "Memory cgroup out of memory: Kill process 161 (v1hog) score 1005 or sacrifice child", "oom_intent", "prefix"},
    // Before 5.0.
    {kKernel, BEGIN R"(Task in (/.*) killed as a result of limit of (/.*))", "Task in /lab/a killed as a result of limit of /lab/a",
     "oom_task_cgroup", "victim_cgroup,limit_cgroup"},
    {kKernel, BEGIN R"(Tasks in (/.*) are going to be killed due to memory\.oom\.group set)",
     "Tasks in /grp are going to be killed due to memory.oom.group set", "oom_group"},
    {kKernel, BEGIN R"((?:(Memory cgroup out|Out) of [Mm]emory[^:]*: )?Killed process (\d+)(?:,| \())",
     "Memory cgroup out of memory: Killed process 263 (corosync-like) total-vm:66524kB, anon-rss:65356kB, file-rss:4kB, "
     "shmem-rss:648kB, UID:0 pgtables:164kB oom_score_adj:0",
     "oom_kill", "prefix,pid"},
    {kKernel, BEGIN R"((?:Kernel panic - not syncing: )?Out of memory and no killable processes)",
     "Out of memory and no killable processes...", "oom_nothing_killable"},
    {kKernel, BEGIN R"(Kernel panic - not syncing: (?:[Oo]ut of memory|System is deadlocked on memory))",
     "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled", "oom_panic"},
    // Kernels before 4.14 append to the name, which another CPU can tear off.
    {kKernel, BEGIN R"((?:.{0,16}: )?page allocation failure[.:] order:(\d+))",
     "swapper/100: page allocation failure: order:0, mode:0x480020(GFP_ATOMIC), nodemask=(null)", "allocation_failure", "order"},
};
#undef BEGIN

constexpr std::string_view kSummary = SUMMARY;
#undef SUMMARY
constexpr size_t kLongestSummary = 12 << 10;  // two paths, and what is around them

bool within(int64_t a, int64_t b, int64_t most) { return a == 0 || b == 0 || std::llabs(a - b) <= most; }

OomConstraint of_prefix(std::string_view prefix) {
  if (prefix.starts_with('M')) return OomConstraint::memcg;
  return prefix.empty() ? OomConstraint::unknown : OomConstraint::global;
}

}  // namespace

std::span<const Pattern> OomLog::patterns() { return kPatterns; }

// The parts of a summary that came in several records.
void OomLog::join(const Match& match) {
  const std::string_view part = match.groups[0];
  if (match.pattern == summary_begun) torn_ = {match.line.time_us, ""};
  if (match.pattern == summary_rest && (torn_.text.empty() || !within(torn_.time_us, match.line.time_us, kTogether))) return;
  if (torn_.text.size() + part.size() > kLongestSummary) return torn_.text.clear();
  torn_.text += part;
  if (match.pattern == summary_begun) return;  // whole, it is told as summary as well
  static const re2::RE2 pattern(re2::StringPiece(kSummary.data(), kSummary.size()), re2::RE2::Latin1);
  re2::StringPiece found[4];
  if (!re2::RE2::PartialMatch(torn_.text, pattern, &found[0], &found[1], &found[2], &found[3])) return;
  std::string_view groups[4];
  for (size_t i = 0; i < std::size(groups); ++i) groups[i] = {found[i].data(), found[i].size()};
  summarise({match.line, summary, groups});
}

void OomLog::summarise(const Match& match) {
  const std::string_view constraint = match.groups[0];
  about_ = {};
  about_.time_us = match.line.time_us;
  about_.memcg = match.groups[2];
  about_.summarised = true;
  (void)scan::number(match.groups[3], about_.pid);  // one that does not fit is nobody's
  torn_.text.clear();
  if (constraint == "CPUSET") about_.constraint = OomConstraint::cpuset;
  if (constraint == "MEMORY_POLICY") about_.constraint = OomConstraint::mempolicy;
  if (constraint == "MEMCG") about_.constraint = OomConstraint::memcg;
  // NONE was printed for all until 5.3 (432b1de0de02).
  if (constraint == "NONE") about_.constraint = match.groups[1] == "global_oom" ? OomConstraint::global : OomConstraint::memcg;
}

// The summary names a process. Where its main thread has ended, the line of the kill names a thread of it that lives, pid and name
// (find_lock_task_mm() in __oom_kill_process()). It is the first kill behind the summary, and for the same want.
bool OomLog::follows_summary(OomConstraint told) const {
  return about_.summarised &&
         (told == OomConstraint::unknown || (told == OomConstraint::memcg) == (about_.constraint == OomConstraint::memcg));
}

// Whether it was, and it is now.
bool OomLog::seen(uint32_t pid, int64_t time_us) {
  const bool before =
      std::any_of(victims_.begin(), victims_.end(), [&](const Victim& v) { return v.pid == pid && within(v.time_us, time_us, kTwice); });
  if (!before) victims_[next_++ % victims_.size()] = {pid, time_us};
  return before;
}

std::optional<OomKill> OomLog::hear(const Match& match) {
  const auto groups = match.groups;
  switch (match.pattern) {
    case invoked:
      about_ = {};
      about_.time_us = match.line.time_us;
      return std::nullopt;
    case summary_begun:
    case summary_rest:
      join(match);
      return std::nullopt;
    case summary:
      summarise(match);
      return std::nullopt;
    case intent:
      if (about_.spent) about_ = {};  // what comes before it was left out, it is printed at most 10 times in 5 s
      about_.intends = true;
      intended_ = of_prefix(groups[0]);
      return std::nullopt;
    case task:
      about_.memcg = groups[0];
      about_.constraint = OomConstraint::memcg;
      return std::nullopt;
    case group:
      about_.memcg = groups[0];
      about_.group = true;
      return std::nullopt;
    case killed:
      break;
    default:
      return std::nullopt;
  }
  OomKill kill;
  if (!scan::number(groups[1], kill.pid) || kill.pid == 0) return std::nullopt;
  kill.constraint = of_prefix(groups[0]);
  const bool meant = within(about_.time_us, match.line.time_us, kTogether) &&
                     (about_.intends || about_.group || about_.pid == kill.pid || follows_summary(kill.constraint));
  if (meant) kill.memcg = about_.memcg;
  if (kill.constraint == OomConstraint::unknown && about_.intends) kill.constraint = intended_;
  if (kill.constraint != OomConstraint::memcg && meant && about_.constraint != OomConstraint::unknown) kill.constraint = about_.constraint;
  about_.spent = about_.intends;
  about_.intends = about_.summarised = false;
  if (seen(kill.pid, match.line.time_us)) return std::nullopt;
  return kill;
}

// "410@1795000007411462 411@… ; TIME PID CONSTRAINT INTENDED FLAGS /the/cgroup": victims, then about_.
std::string OomLog::memory() const {
  std::string text;
  for (size_t i = next_ - std::min(next_, kRemembered); i < next_; ++i) {
    const Victim& victim = victims_[i % victims_.size()];
    text += std::to_string(victim.pid) + '@' + std::to_string(victim.time_us) + ' ';
  }
  const int flags = (about_.intends ? 1 : 0) + (about_.spent ? 2 : 0) + (about_.group ? 4 : 0) + (about_.summarised ? 8 : 0);
  text +=
      "; " + std::to_string(about_.time_us) + ' ' + std::to_string(about_.pid) + ' ' + std::to_string(static_cast<int>(about_.constraint));
  return text + ' ' + std::to_string(static_cast<int>(intended_)) + ' ' + std::to_string(flags) + ' ' + about_.memcg;
}

void OomLog::remember(std::string_view memory) {
  for (std::string_view word; (word = scan::next_word(memory)) != ";";) {
    const size_t at = word.find('@');
    Victim victim;
    if (at == word.npos || !scan::number(word.substr(0, at), victim.pid) || !scan::number(word.substr(at + 1), victim.time_us)) return;
    victims_[next_++ % victims_.size()] = victim;
  }
  About about;
  unsigned constraint = 0, intended = 0, flags = 0;
  const bool good = scan::number(scan::next_word(memory), about.time_us) && scan::number(scan::next_word(memory), about.pid) &&
                    scan::number(scan::next_word(memory), constraint) && scan::number(scan::next_word(memory), intended) &&
                    scan::number(scan::next_word(memory), flags);
  if (!good || constraint >= kOomConstraints || intended >= kOomConstraints) return;
  about.constraint = static_cast<OomConstraint>(constraint);
  about.intends = (flags & 1) != 0;
  about.spent = (flags & 2) != 0;
  about.group = (flags & 4) != 0;
  about.summarised = (flags & 8) != 0;
  about.memcg = memory.substr(std::min<size_t>(1, memory.size()));
  about_ = std::move(about);
  intended_ = static_cast<OomConstraint>(intended);
}

}  // namespace fencewatch
