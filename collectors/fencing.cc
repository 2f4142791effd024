// Who was fenced, with what result: pacemaker's fencer and controller, 1.1 to 3.x (daemons/fenced/fenced_remote.c,
// daemons/controld/controld_fencing.c); and what sbd warns of (sbd-inquisitor.c, sbd-md.c, sbd-pacemaker.c).
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "exporter/base/scan.h"
#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"

namespace fencewatch {
namespace {

enum { kOperations, kLast, kSelf, kSbd };
constexpr Family kFamilies[] = {
    {"fencewatch_fencing_operations_total", Type::counter,
     "Fencing operations that ended, as this node heard of them, from pacemaker's log; each once, although two daemons tell of it.",
     "action,result,target"},
    {"fencewatch_fencing_last_timestamp_seconds", Type::gauge,
     "When a node was last fenced (reboot or off) with success, in seconds since 1970, from pacemaker's log.", "target"},
    {"fencewatch_fenced_self_total", Type::counter,
     "Times this node was told of its own fencing, 'We were allegedly just fenced' in pacemaker's log.", ""},
    {"fencewatch_sbd_warnings_total", Type::counter, "Signs of a disk, a servant or a watchdog in trouble, by kind, from sbd's log.",
     "kind"},
};

constexpr Channel kPacemaker = Channel::pacemaker;
constexpr Channel kSbdSays = Channel::sbd;
enum { kResult, kOldResult, kPeer, kAllegedly, kNodeState, kFirstSbd };
constexpr Pattern kPatterns[] = {
    // Since 1.1.24; "on" for "by" up to 2.0. Groups: action, target, client, origin, "(merged)", result.
    {kPacemaker, R"(Operation '([\w-]+)' targeting (\S+) (?:by|on) .* for ([^@\s]+)@(\S+?)( \(merged\))?: (.*))",
     "Operation 'reboot' targeting n2 by n1 for pacemaker-controld.89@n3: OK (complete) | id=7b28348a"},
    {kPacemaker, R"(Operation ([\w-]+) of (\S+) by .* for ([^@\s]+)@(\S+?)( \(merged\))?: (.*))",
     "Operation reboot of node2 by node1 for crmd.2114@node1.3d26dc86: OK"},
    // Groups: target, "not", action, and the client in one of two places.
    {kPacemaker, R"(Peer (\S+) was( not)? terminated \(([\w-]+)\) by .* (?:on behalf of ([^@\s:]+)|for \S+: .* by client (\S+)))",
     "Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.89@n3: OK | event=7b28348a-6e11-4d46-b80f-053e0dbb8251"},
    {kPacemaker, R"(We were all?egedly just fenced by )", "We were allegedly just fenced by n2 for n1!"},
    {kPacemaker, R"(Node (\S+) state is now (?:member|lost))",
     "Node n2 state is now lost | nodeid=2 previous=member source=crm_update_peer_proc"},
    // sbd, in the order of kKinds.
    {kSbdSays, R"(Servant .* is outdated \(age: )", "warning: inquisitor_child: Servant pcmk is outdated (age: 4)"},
    {kSbdSays, R"(Majority of devices lost)", "warning: inquisitor_child: Majority of devices lost - surviving on pacemaker"},
    {kSbdSays, R"(Latency: No liveness for )",
     "warning: inquisitor_child: Latency: No liveness for 4s exceeds watchdog warning timeout of 3s (healthy servants: 0)"},
    {kSbdSays, R"(Latency: \d+s? exceeded watchdog warning timeout )",
     "warning: servant_md: Latency: 4s exceeded watchdog warning timeout 3s on disk /dev/vdb"},
    {kSbdSays, R"( requested a (?:reset|shutoff|crashdump))", "warning: inquisitor_child: /dev/vdb requested a reset"},
    {kSbdSays, R"(health check: UNHEALTHY)", "warning: notify_parent: pcmk health check: UNHEALTHY"},
    {kSbdSays, R"(Rebooting system: )", "emerg: do_exit: Rebooting system: reboot"},
    {kSbdSays, R"(Received command (?:reset|off|crashdump) from )", "warning: servant_md: Received command reset from n1 on disk /dev/vdb"},
    {kSbdSays, R"(Servant for .* \(pid: -?\d+\) has terminated)",
     "warning: cleanup_servant_by_pid: Servant for /dev/vdb (pid: 1412) has terminated"},
    {kSbdSays, R"(Lost connection to )", "error: servant_cluster: Lost connection to cluster"},
    {kSbdSays, R"(No longer found a valid header on )", "error: servant_md: No longer found a valid header on /dev/vdb"},
    {kSbdSays, R"(Quorum lost: )", "warning: compute_status: Quorum lost: Stop ALL resources"},
    {kSbdSays, R"(Node state: (?:UNCLEAN|OFFLINE))", "warning: compute_status: Node state: UNCLEAN"},
    {kSbdSays, R"(Found fencing message - aborting start-up)",
     "error: servant_md: Found fencing message - aborting start-up. Manual intervention required!"},
    {kSbdSays, R"(Our parent is dead)", "error: servant_md: Our parent is dead."},
};

constexpr const char* kKinds[] = {"servant_outdated", "majority_lost", "no_liveness",      "disk_latency",    "reset_requested",
                                  "unhealthy",        "rebooting",     "command_received", "servant_died",    "connection_lost",
                                  "header_lost",      "quorum_lost",   "node_unclean",     "fencing_message", "parent_dead"};
static_assert(std::size(kPatterns) == kFirstSbd + std::size(kKinds));

constexpr size_t kMostTargets = 64;

const char* known_action(std::string_view action) {
  for (const char* known : {"reboot", "off", "on"})
    if (action == known) return known;
  return "other";
}

// The first 8 digits of the operation's id: "| id=7b28348a", "| event=7b28348a-…", "(ref=7b28348a-…)". Empty: syslog is not told.
std::string_view id_of(std::string_view text) {
  for (const std::string_view key : {" id=", " event=", "ref="}) {
    const size_t at = text.rfind(key);
    if (at != text.npos) return text.substr(at + key.size(), 8);
  }
  return {};
}

// The fencer and the controller tell of each operation, in either order, and the controller's line lacks the id in syslog. So of operations
// that are alike as many are counted as the more talkative of the two told of. Where only one of them is logged, its lines count.
class Once {
 public:
  enum Speaker { fencer, controller };

  // True: the line tells of an operation that was not counted yet. `merged`: it ended together with another that counts.
  bool first(Speaker speaker, const std::string& operation, std::string_view id, bool merged, int64_t time_us) {
    if (!id.empty() && repeated(speaker, id)) return false;
    Told& told = find(operation, time_us);
    told.time_us = time_us;
    if (++told.lines[speaker] <= told.counted) return false;
    told.counted = told.lines[speaker];
    return !merged;
  }

  // "TIME FENCER CONTROLLER COUNTED TARGET ACTION CLIENT\t…", what was told of in the end.
  std::string memory() const {
    std::string text;
    int64_t last = 0;
    for (const Told& told : told_) last = std::max(last, told.time_us);
    for (const Told& told : told_) {
      if (told.operation.empty() || told.time_us + kTogether < last) continue;
      for (const int64_t number : {told.time_us, int64_t{told.lines[0]}, int64_t{told.lines[1]}, int64_t{told.counted}})
        text += std::to_string(number) + ' ';
      text += told.operation + '\t';
    }
    return text;
  }
  void remember(std::string_view memory) {
    for (size_t end; (end = memory.find('\t')) != memory.npos; memory.remove_prefix(end + 1)) {
      std::string_view entry = memory.substr(0, end);
      Told told;
      const bool good = scan::number(scan::next_word(entry), told.time_us) && scan::number(scan::next_word(entry), told.lines[0]) &&
                        scan::number(scan::next_word(entry), told.lines[1]) && scan::number(scan::next_word(entry), told.counted);
      if (!good || entry.size() < 2) return;
      told.operation = entry.substr(1);
      told_[next_++ % told_.size()] = std::move(told);
    }
  }

 private:
  static constexpr int64_t kTogether = 30'000'000;  // microseconds
  struct Told {
    std::string operation;
    int64_t time_us = 0;
    std::array<uint32_t, 2> lines = {};
    uint32_t counted = 0;
  };

  bool repeated(Speaker speaker, std::string_view id) {
    const std::string known = std::string(speaker == fencer ? "f" : "c").append(id);
    if (std::find(ids_.begin(), ids_.end(), known) != ids_.end()) return true;
    ids_[next_id_++ % ids_.size()] = known;
    return false;
  }

  Told& find(const std::string& operation, int64_t time_us) {
    const auto found = std::find_if(told_.begin(), told_.end(), [&](const Told& told) { return told.operation == operation; });
    Told& told = found == told_.end() ? told_[next_++ % told_.size()] : *found;
    const bool stale = told.time_us != 0 && time_us != 0 && std::llabs(told.time_us - time_us) > kTogether;
    if (found == told_.end() || stale) told = {operation, time_us, {}, 0};
    return told;
  }

  std::array<Told, 64> told_;
  size_t next_ = 0;
  std::array<std::string, 128> ids_;
  size_t next_id_ = 0;
};

class Fencing final : public Collector {
 public:
  Fencing() {
    counts_.counter(kFamilies[kSelf]);
    for (const char* kind : kKinds) counts_.counter(kFamilies[kSbd], {{"kind", kind}});
  }

  Status collect(const Node&, Page& page) override {
    counts_.write(page);
    return {};
  }

  std::span<const Pattern> patterns() const override { return kPatterns; }
  Counts* counts() override { return &counts_; }
  std::string memory() const override { return once_.memory(); }
  void remember(std::string_view memory) override { once_.remember(memory); }

  void on_event(const Match& match) override {
    const auto groups = match.groups;
    switch (match.pattern) {
      case kResult:
      case kOldResult: {
        if (groups[5].starts_with("Result arrived too late")) return;  // it was told when its time was over
        const bool merged = !groups[4].empty() || groups[5].find("(merged)") != std::string_view::npos;
        return ended(match, Once::fencer, {groups[1], groups[0], groups[2], groups[5].starts_with("OK"), merged});
      }
      case kPeer:
        return ended(match, Once::controller, {groups[0], groups[2], groups[3].empty() ? groups[4] : groups[3], groups[1].empty(), false});
      case kAllegedly:
        return counts_.counter(kFamilies[kSelf]).Increment();
      case kNodeState:
        return known(groups[0]);
      default:
        counts_.counter(kFamilies[kSbd], {{"kind", kKinds[match.pattern - kFirstSbd]}}).Increment(match.line.repeated);
    }
  }

 private:
  struct Operation {
    std::string_view target, action, client;
    bool success, merged;
  };

  void ended(const Match& match, Once::Speaker speaker, const Operation& operation) {
    const std::string alike = std::string(operation.target).append(" ").append(operation.action).append(" ").append(operation.client);
    if (!once_.first(speaker, alike, id_of(match.line.text), operation.merged, match.line.time_us)) return;
    const char* action = known_action(operation.action);
    const std::string target = bounded(operation.target);
    counts_.counter(kFamilies[kOperations], {{"action", action}, {"result", operation.success ? "success" : "failed"}, {"target", target}})
        .Increment();
    if (!operation.success || match.line.time_us <= 0 || (operation.action != "reboot" && operation.action != "off")) return;
    counts_.raise(kFamilies[kLast], {{"target", target}}, static_cast<double>(match.line.time_us) / 1e6);
  }

  // A node that may be fenced one day: its series begin at 0.
  void known(std::string_view node) {
    const std::string target = bounded(node);
    for (const char* action : {"reboot", "off"})
      for (const char* result : {"success", "failed"})
        counts_.counter(kFamilies[kOperations], {{"action", action}, {"result", result}, {"target", target}});
  }

  std::string bounded(std::string_view target) { return counts_.bounded(kFamilies[kOperations], "target", target, kMostTargets); }

  Counts counts_{kFamilies};
  Once once_;
};

}  // namespace

extern const Spec fencing;
constinit const Spec fencing = {
    .name = "fencing",
    .summary = "Nodes that were fenced, this one among them, and warnings of sbd (logs of pacemaker and sbd)",
    .families = kFamilies,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<Fencing>(); },
};

}  // namespace fencewatch
