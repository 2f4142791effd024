#include "collectors/corosync/process.h"

#include <algorithm>
#include <charconv>

#include "exporter/base/clock_ticks.h"
#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr std::string_view kName = "corosync";
constexpr std::string_view kStat = "proc/PID/stat", kStatus = "proc/PID/status", kCgroup = "proc/PID/cgroup";
constexpr std::string_view kPressure = "sys/fs/cgroup/*/memory.pressure";
constexpr std::chrono::seconds kLongestPause{60};

// proc(5) counts the fields from 1; behind the command, 2, they are plain.
enum : int { kState = 3, kMajorFaults = 12, kStartTime = 22, kPolicy = 41 };
enum : uint64_t { kFifo = 1, kRoundRobin = 2, kDeadline = 6 };  // sched(7)

// "proc/PID/FILE" without the heap.
class ProcessPath {
 public:
  ProcessPath(uint64_t pid, std::string_view file) {
    append("proc/");
    size_ = static_cast<size_t>(std::to_chars(text_ + size_, text_ + sizeof text_, pid).ptr - text_);
    append(file);
  }
  operator std::string_view() const { return {text_, size_}; }

 private:
  void append(std::string_view part) { size_ += part.copy(text_ + size_, sizeof text_ - size_); }
  char text_[48];
  size_t size_ = 0;
};

// A process may go while it is looked at.
bool gone(const Status& status) { return status.code == Code::missing; }

}  // namespace

Status parse_process_stat(std::string_view text, ProcessStat& out) {
  out = {};
  if (!text.ends_with('\n')) return malformed(1, "the file is cut off");
  text.remove_suffix(1);
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');  // the name may hold brackets
  if (open == text.npos || close == text.npos || close < open) return malformed(1, "no command in brackets");
  out.command = text.substr(open + 1, close - open - 1);
  text.remove_prefix(close + 1);
  const std::string_view state = scan::next_word(text);
  if (state.size() != 1) return malformed(1, "no state behind the command");
  out.state = state[0];
  for (int field = kState + 1; field <= kPolicy; ++field) {
    uint64_t* const wanted = field == kMajorFaults ? &out.major_faults
                             : field == kStartTime ? &out.start_time
                             : field == kPolicy    ? &out.policy
                                                   : nullptr;
    const std::string_view word = scan::next_word(text);
    if (wanted && !scan::number(word, *wanted)) return malformed(1, "a field is no number");
  }
  return {};
}

Status parse_locked_bytes(std::string_view text, std::optional<uint64_t>& out) {
  out.reset();
  if (!scan::complete(text)) return malformed(scan::line_of(text, text.data() + text.size()), "the file is cut off");
  std::string_view rest = text, line;
  while (scan::next_line(rest, line)) {
    const char* const begin = line.data();
    if (scan::next_word(line) != "VmLck:") continue;
    uint64_t kib = 0;
    if (!scan::number(scan::next_word(line), kib) || kib > UINT64_MAX / 1024)
      return malformed(scan::line_of(text, begin), "VmLck is no number of kB");
    out = kib * 1024;
    return {};
  }
  return {};
}

std::string_view parse_cgroup(std::string_view text) {
  std::string_view line;
  while (scan::next_line(text, line)) {
    if (!line.starts_with("0::/")) continue;
    line.remove_prefix(3);
    return line.size() == 1 || line.find("/..") != line.npos ? std::string_view{} : line;  // the root has no pressure of its own
  }
  return {};
}

Status CorosyncProcess::look(const Node& node, std::chrono::steady_clock::time_point now) {
  if (seen_) {
    bool is_it = false;
    if (const Status status = look_at(node, seen_->pid, is_it); !status) return status;
    if (is_it) return details(node);
    seen_.reset();
    next_search_ = now;
    pause_ = std::chrono::seconds(1);
  }
  if (now < next_search_) return {};
  if (const Status status = search(node); !status) return status;
  if (!seen_) {
    next_search_ = now + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
    return {};
  }
  return details(node);
}

std::optional<std::chrono::seconds> CorosyncProcess::age(const Node& node) {
  if (!node.read("proc/uptime", text_)) return {};
  std::string_view text = text_;
  const std::string_view word = scan::next_word(text);
  uint64_t uptime = 0;  // whole seconds
  if (!scan::number(word.substr(0, word.find('.')), uptime)) return {};
  const uint64_t started = start_time_ / kTicksPerSecond;
  return std::chrono::seconds(uptime - std::min(uptime, started));
}

Status CorosyncProcess::search(const Node& node) {
  live_ = false;
  if (const Status status = node.list("proc", names_); !status) return status.code == Code::missing ? Status{} : status.of("proc");
  // The oldest, which is that of the machine itself where containers have some too.
  uint64_t found = 0;
  for (const std::string& name : names_) {
    uint64_t pid = 0;
    if (!scan::number(std::string_view(name), pid)) continue;
    live_ = true;
    if (found != 0 && pid > found) continue;
    if (!node.read(ProcessPath(pid, "/comm"), text_) || scan::trim_left(text_) != "corosync\n") continue;
    found = pid;
  }
  if (found == 0) return {};
  seen_ = Seen{.pid = found, .realtime = false, .major_faults = 0, .locked_bytes = {}, .memory_pressure = {}};
  start_time_ = 0;
  bool is_it = false;
  const Status status = look_at(node, found, is_it);
  if (!status || !is_it) seen_.reset();
  return status;
}

// Fills in `seen_` when it is the one that was found, or the first look.
Status CorosyncProcess::look_at(const Node& node, uint64_t pid, bool& is_it) {
  is_it = false;
  if (const Status status = node.read(ProcessPath(pid, "/stat"), text_); !status) return gone(status) ? Status{} : status.of(kStat);
  ProcessStat stat;
  if (const Status status = parse_process_stat(text_, stat); !status) return status.of(kStat);
  const bool dead = stat.state == 'Z' || stat.state == 'X';
  if (stat.command != kName || dead || (start_time_ != 0 && stat.start_time != start_time_)) return {};
  is_it = true;
  seen_->realtime = stat.policy == kFifo || stat.policy == kRoundRobin || stat.policy == kDeadline;
  seen_->major_faults = stat.major_faults;
  if (start_time_ != 0) return {};
  start_time_ = stat.start_time;
  ++generation_;
  pressure_path_.clear();
  if (const Status status = node.read(ProcessPath(pid, "/cgroup"), text_); !status) return gone(status) ? Status{} : status.of(kCgroup);
  if (const std::string_view path = parse_cgroup(text_); !path.empty())
    pressure_path_ = "sys/fs/cgroup" + std::string(path) + "/memory.pressure";
  return {};
}

Status CorosyncProcess::details(const Node& node) {
  seen_->locked_bytes.reset();
  seen_->memory_pressure.reset();
  if (const Status status = node.read(ProcessPath(seen_->pid, "/status"), text_); status) {
    if (const Status parsed = parse_locked_bytes(text_, seen_->locked_bytes); !parsed) return parsed.of(kStatus);
  } else if (!gone(status)) {
    return status.of(kStatus);
  }
  if (pressure_path_.empty()) return {};
  if (const Status status = node.read(pressure_path_, text_); !status) {
    if (status.code != Code::missing) return status.of(kPressure);
    pressure_path_.clear();  // no PSI, or another hierarchy
    return {};
  }
  Psi psi;
  if (const Status status = parse_psi(text_, psi); !status) return status.of(kPressure);
  seen_->memory_pressure = psi;
  return {};
}

}  // namespace fencewatch
