#include "collectors/host/boot_events.h"

#include <algorithm>
#include <vector>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr std::string_view kNames[BootEvents::kEvents] = {"oom_kill",    "token_warning", "token_timeout",    "scheduling_miss",
                                                          "pause",       "link_down",     "host_unreachable", "node_lost",
                                                          "quorum_lost", "fenced_self",   "sbd_warning"};

// In the order of the names, without the first, which OomLog hears.
constexpr Pattern kOthers[] = {
    {Channel::corosync, R"(Token has not been received in \S+ ms)", "[TOTEM ] Token has not been received in 2737 ms "},
    {Channel::corosync, R"(A processor failed, forming new configuration)",
     "[TOTEM ] A processor failed, forming new configuration: token timed out (3650ms), waiting 4380ms for consensus."},
    {Channel::corosync, R"(Corosync main process was not scheduled )",
     "[MAIN  ] Corosync main process was not scheduled (@1795420931698) for 10792.6299 ms (threshold is 2920.0000 ms). "
     "Consider token timeout increase."},
    {Channel::corosync, R"(Process pause detected for \S+ ms)",
     "[TOTEM ] Process pause detected for 9063 ms, flushing membership messages."},
    {Channel::corosync, R"(\w: host: \d+ link: \d+ is down)", "[KNET  ] link: host: 2 link: 0 is down"},
    {Channel::corosync, R"(host: host: \d+ has no active links)", "[KNET  ] host: host: 2 has no active links"},
    {Channel::corosync, R"(Failed to receive the leave message\.)", "[TOTEM ] Failed to receive the leave message. failed: 1 3"},
    {Channel::corosync, R"(This node is within the non-primary component)",
     "[QUORUM] This node is within the non-primary component and will NOT provide any services."},
    {Channel::pacemaker, R"(We were all?egedly just fenced by )", "We were allegedly just fenced by n2 for n1!"},
    {Channel::sbd, R"(Latency: |Servant .* is outdated \(age: | requested a (?:reset|shutoff|crashdump)|Rebooting system: )",
     "warning: inquisitor_child: Servant pcmk is outdated (age: 4)"},
};
static_assert(std::size(kOthers) + 1 == BootEvents::kEvents);

std::vector<Pattern> all_patterns() {
  std::vector<Pattern> all(OomLog::patterns().begin(), OomLog::patterns().end());
  for (Pattern& pattern : all) pattern.event = {};  // the collector oom's
  all.insert(all.end(), std::begin(kOthers), std::end(kOthers));
  return all;
}

void append(const BootEvents::Counted& counted, std::string& text) {
  for (size_t event = 0; event < counted.size(); ++event)
    if (counted[event] != 0) text.append(" ").append(kNames[event]).append("=").append(std::to_string(counted[event]));
  text += " ;";
}

// Up to the ";". An event that this version does not have is left out.
bool take(std::string_view& rest, BootEvents::Counted& counted) {
  for (std::string_view word; !(word = scan::next_word(rest)).empty();) {
    if (word == ";") return true;
    const size_t equals = word.find('=');
    uint32_t times = 0;
    if (equals == word.npos || !scan::number(word.substr(equals + 1), times)) return false;
    const auto event = std::find(std::begin(kNames), std::end(kNames), word.substr(0, equals));
    if (event != std::end(kNames)) counted[static_cast<size_t>(event - std::begin(kNames))] = times;
  }
  return false;
}

}  // namespace

BootEvents::BootEvents() : patterns_(all_patterns()) {}

std::string_view BootEvents::name(size_t event) { return kNames[event]; }

void BootEvents::on_event(const Match& match) {
  const size_t of_oom = OomLog::patterns().size();
  const std::lock_guard lock(mutex_);
  if (match.pattern >= of_oom) return happened(match.pattern - of_oom + 1, match.line.time_us, match.line.repeated);
  if (match.pattern <= OomLog::killed && oom_.hear(match)) happened(0, match.line.time_us, 1);
}

void BootEvents::happened(size_t event, int64_t time_us, uint32_t times) {
  const int64_t seconds = time_us / 1'000'000, minute = seconds / 60;
  if (seconds <= 0) return;
  if (seconds < booted_) {
    if (previous_end_ != 0 && minute + kMinutes >= previous_end_) previous_[event] += times;
    return;
  }
  minutes_[minute][event] += times;
  while (minutes_.begin()->first + kMinutes < minutes_.rbegin()->first) minutes_.erase(minutes_.begin());
}

void BootEvents::booted(std::string_view id, int64_t seconds) {
  const std::lock_guard lock(mutex_);
  booted_ = seconds;
  if (boot_ == id) return;
  if (!boot_.empty()) {
    previous_end_ = alive_;
    previous_ = {};
    for (const auto& [minute, counted] : minutes_)
      for (size_t event = 0; event < kEvents && minute + kMinutes >= alive_; ++event) previous_[event] += counted[event];
    minutes_.clear();
  }
  boot_ = id;
}

std::optional<BootEvents::Counted> BootEvents::previous() const {
  const std::lock_guard lock(mutex_);
  return previous_end_ == 0 ? std::nullopt : std::optional(previous_);
}

// "BOOT ALIVE END events… ; MINUTE events… ; MINUTE …"
std::string BootEvents::memory(int64_t now_s) const {
  const std::lock_guard lock(mutex_);
  if (boot_.empty()) return {};
  std::string text = boot_ + ' ' + std::to_string(now_s / 60) + ' ' + std::to_string(previous_end_);
  append(previous_, text);
  for (const auto& [minute, counted] : minutes_) append(counted, text.append(" ").append(std::to_string(minute)));
  return text;
}

void BootEvents::remember(std::string_view memory) {
  const std::lock_guard lock(mutex_);
  const std::string_view boot = scan::next_word(memory);
  int64_t alive = 0, end = 0;
  Counted previous{};
  if (!scan::number(scan::next_word(memory), alive) || !scan::number(scan::next_word(memory), end) || !take(memory, previous)) return;
  std::map<int64_t, Counted> minutes;
  for (std::string_view word; !(word = scan::next_word(memory)).empty();) {
    int64_t minute = 0;
    if (!scan::number(word, minute) || minutes.size() > static_cast<size_t>(kMinutes) + 1 || !take(memory, minutes[minute])) return;
  }
  boot_ = boot;
  alive_ = alive;
  previous_end_ = end;
  previous_ = previous;
  minutes_ = std::move(minutes);
}

}  // namespace fencewatch
