// Who was fenced, with what result: pacemaker's fencer and controller, 1.1 to 3.x (daemons/fenced/fenced_remote.c,
// daemons/controld/controld_fencing.c); and what sbd warns of (sbd-inquisitor.c, sbd-md.c, sbd-pacemaker.c).
#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <string>

#include "collectors/pacemaker/fencing_operations.h"
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
    // Since 1.1.24. Groups: action, target, "by" or "on", delegate, client, origin, "(merged)", result; the next has an empty third one.
    {kPacemaker, R"(Operation '([\w-]+)' targeting (\S+) (by|on) (.*) for ([^@\s]+)@(\S+?)( \(merged\))?: (.*))",
     "Operation 'reboot' targeting n2 by n1 for pacemaker-controld.89@n3: OK (complete) | id=7b28348a", "fence_result",
     "action,target,,by,client,origin,merged,result"},
    {kPacemaker, R"(Operation ([\w-]+) of (\S+) by ()(.*) for ([^@\s]+?)(?:@(\S+?))?( \(merged\))?: (.*))",
     "Operation reboot of node2 by node1 for crmd.2114@node1.3d26dc86: OK", "fence_result",
     "action,target,,by,client,origin,merged,result"},
    // Groups: target, "not", action, delegate, client, "@" since 2.1; and the client of 1.1.8 to 1.1.18, which not all of them name.
    {kPacemaker,
     R"(Peer (\S+) (?:was|could)( not)?(?: be)? terminated \(([\w-]+)\) by (.*?) )"
     R"((?:on behalf of ([^@\s:]+)(@)?|for [^\s:]+(?: \(ref=\S+\))?: (?:.* by client (\S+))?))",
     "Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.89@n3: OK | event=7b28348a-6e11-4d46-b80f-053e0dbb8251",
     "fence_told", "target,not,action,by,client,,other_client"},
    {kPacemaker, R"(We were all?egedly just fenced by (\S+))", "We were allegedly just fenced by n2 for n1!", "fenced_self", "by"},
    {kPacemaker, R"(Node (\S+) state is now (member|lost)(?: \| nodeid=(\d+))?)",
     "Node n2 state is now lost | nodeid=2 previous=member source=crm_update_peer_proc", "node_state", "node,state,id"},
    // sbd, in the order of kKinds.
    {kSbdSays, R"(Servant (.*) is outdated \(age: )", "warning: inquisitor_child: Servant pcmk is outdated (age: 4)",
     "sbd_servant_outdated", "servant"},
    {kSbdSays, R"(Majority of devices lost)", "warning: inquisitor_child: Majority of devices lost - surviving on pacemaker",
     "sbd_majority_lost"},
    {kSbdSays, R"(Latency: No liveness for (?:.*\(healthy servants: (\d+))?)",
     "warning: inquisitor_child: Latency: No liveness for 4s exceeds watchdog warning timeout of 3s (healthy servants: 0)",
     "sbd_no_liveness", "servants"},
    // Before 1.5.0: "Latency: 6 exceeded threshold 3 on disk /dev/vdb".
    {kSbdSays, R"(Latency: \d+ ?s? exceeded (?:watchdog warning timeout|threshold) )",
     "warning: servant_md: Latency: 4s exceeded watchdog warning timeout 3s on disk /dev/vdb", "sbd_disk_latency"},
    {kSbdSays, R"( requested a (?:reset|shutoff|crashdump))", "warning: inquisitor_child: /dev/vdb requested a reset",
     "sbd_reset_requested"},
    {kSbdSays, R"(health check: UNHEALTHY)", "warning: notify_parent: pcmk health check: UNHEALTHY", "sbd_unhealthy"},
    {kSbdSays, R"(Rebooting system: )", "emerg: do_exit: Rebooting system: reboot", "sbd_rebooting"},
    {kSbdSays, R"(Received command (?:reset|off|crashdump) from (\S+))",
     "warning: servant_md: Received command reset from n1 on disk /dev/vdb", "sbd_command_received", "from"},
    {kSbdSays, R"(Servant for (.*) \(pid: -?\d+\) has terminated)",
     "warning: cleanup_servant_by_pid: Servant for /dev/vdb (pid: 1412) has terminated", "sbd_servant_died", "servant"},
    {kSbdSays, R"(Lost connection to )", "error: servant_cluster: Lost connection to cluster", "sbd_connection_lost"},
    {kSbdSays, R"(No longer found a valid header on )", "error: servant_md: No longer found a valid header on /dev/vdb", "sbd_header_lost"},
    {kSbdSays, R"(Quorum lost: )", "warning: compute_status: Quorum lost: Stop ALL resources", "sbd_quorum_lost"},
    {kSbdSays, R"(Node state: (?:UNCLEAN|OFFLINE))", "warning: compute_status: Node state: UNCLEAN", "sbd_node_unclean"},
    {kSbdSays, R"(Found fencing message - aborting start-up)",
     "error: servant_md: Found fencing message - aborting start-up. Manual intervention required!", "sbd_fencing_message"},
    {kSbdSays, R"(Our parent is dead)", "error: servant_md: Our parent is dead.", "sbd_parent_dead"},
    // No warning.
    {kSbdSays, R"(Received command exit from )", "info: Received command exit from s2 on disk /dev/vdb", "sbd_stop"},
};

constexpr const char* kKinds[] = {"servant_outdated", "majority_lost", "no_liveness",      "disk_latency",    "reset_requested",
                                  "unhealthy",        "rebooting",     "command_received", "servant_died",    "connection_lost",
                                  "header_lost",      "quorum_lost",   "node_unclean",     "fencing_message", "parent_dead"};
static_assert(std::size(kPatterns) == kFirstSbd + std::size(kKinds) + 1);
// The node is being fenced, by itself or on request. The others say that it may be.
constexpr std::string_view kOwnFence[] = {"reset_requested", "rebooting", "command_received"};

constexpr size_t kMostTargets = 64;

// poweroff is the old name of off; st_notify_fence is what the controller of 1.1.8 said for every action.
std::string_view action_of(std::string_view action) {
  if (action == "poweroff") return "off";
  return action == "st_notify_fence" ? std::string_view() : action;
}

const char* known_action(std::string_view action) {
  for (const char* known : {"reboot", "off", "on"})
    if (action == known) return known;
  return "other";
}

// The first 8 digits of the operation's id in what both daemons write behind it: "| id=7b28348a", "| event=7b28348a-…", "(ref=7b28348a-…)".
// Empty: syslog is not told.
constexpr size_t kIdLength = 8;
std::string_view id_of(std::string_view text) {
  for (const std::string_view key : {" id=", " event=", "ref="}) {
    const size_t at = text.rfind(key);
    if (at != text.npos) return text.substr(at + key.size(), kIdLength);
  }
  return {};
}

// The same behind the origin, where the fencer wrote it up to 2.0: "n1.3d26dc86". Empty: it is none.
std::string_view id_of_origin(std::string_view origin) {
  constexpr auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const size_t dot = origin.rfind('.');
  if (dot == origin.npos || origin.size() - dot - 1 != kIdLength) return {};
  const std::string_view id = origin.substr(dot + 1);
  return std::all_of(id.begin(), id.end(), hexadecimal) ? id : std::string_view();
}

class Fencing final : public Collector {
 public:
  Fencing() {
    for (const int family : {kOperations, kLast}) counts_.bound(kFamilies[family], "target", kMostTargets);
    counts_.counter(kFamilies[kSelf]);
    for (size_t kind = 0; kind < sbd_.size(); ++kind) sbd_[kind] = &counts_.counter(kFamilies[kSbd], {{"kind", kKinds[kind]}});
  }

  Status collect(const Node&, Page& page) override {
    counts_.write(page);
    double own = counts_.value(kFamilies[kSelf]), warnings = 0;
    for (size_t kind = 0; kind < sbd_.size(); ++kind) {
      const bool fence = std::find(std::begin(kOwnFence), std::end(kOwnFence), kKinds[kind]) != std::end(kOwnFence);
      (fence ? own : warnings) += sbd_[kind]->Value();
    }
    page.recent("own_fences", own);
    page.recent("sbd_warnings", warnings);
    return {};
  }

  std::span<const Pattern> patterns() const override { return kPatterns; }
  Counts* counts() override { return &counts_; }
  // "2 1795000007411462;", the servants that are to end and since when, and then the operations.
  std::string memory() const override { return std::to_string(stopping_) + ' ' + std::to_string(stopped_us_) + ';' + operations_.memory(); }
  void remember(std::string_view memory) override {
    std::string_view stop = memory.substr(0, memory.find(';'));
    uint32_t stopping = 0;
    int64_t stopped_us = 0;
    if (stop.size() == memory.size() || !scan::number(scan::next_word(stop), stopping) || !scan::number(scan::next_word(stop), stopped_us))
      return;
    stopping_ = std::min(stopping, kServants);
    stopped_us_ = stopped_us;
    operations_.remember(memory.substr(memory.find(';') + 1));
  }

  void on_event(const Match& match) override {
    const auto groups = match.groups;
    switch (match.pattern) {
      case kResult:
        return result(match, groups[2] == "by", groups);
      case kOldResult:
        return result(match, false, groups);
      case kPeer:
        return peer(match);
      case kAllegedly:
        return counts_.counter(kFamilies[kSelf]).Increment();
      case kNodeState:
        return known(groups[0]);
      default:
        return warned(match);
    }
  }

 private:
  // "on" is for "by" up to 2.0, where not all versions mark what was merged, and the id follows the origin.
  void result(const Match& match, bool since_21, std::span<const std::string_view> groups) {
    if (groups[7].starts_with("Result arrived too late")) return;  // it was told when its time was over
    FencingOperation operation{.target = groups[1],
                               .action = action_of(groups[0]),
                               .client = groups[4],
                               .delegate = groups[3],
                               .id = id_of(match.line.text),
                               .success = groups[7].starts_with("OK"),
                               .merged = !groups[6].empty() || groups[7].find("(merged)") != std::string_view::npos,
                               .marks_merged = since_21};
    if (groups[5].empty()) {  // 1.1.7 names but the origin and the id: "for h1[4ac2dff7-…]"
      const size_t bracket = groups[4].find('[');
      operation.client = {};
      if (bracket != std::string_view::npos) operation.id = groups[4].substr(bracket + 1, kIdLength);
    } else if (!since_21 && operation.id.empty()) {
      operation.id = id_of_origin(groups[5]);
    }
    ended(match, FencingOperations::fencer, operation);
  }

  void peer(const Match& match) {
    const auto groups = match.groups;
    ended(match, FencingOperations::controller,
          {.target = groups[0],
           .action = action_of(groups[2]),
           .client = groups[4].empty() ? groups[6] : groups[4],
           .delegate = groups[3],
           .id = id_of(match.line.text),
           .success = groups[1].empty(),
           .marks_merged = !groups[5].empty()});
  }

  void ended(const Match& match, FencingOperations::Speaker speaker, const FencingOperation& operation) {
    if (!operations_.is_new(speaker, operation, match.line.time_us)) return;
    const char* action = known_action(operation.action);
    const char* result = operation.success ? "success" : "failed";
    counts_.counter(kFamilies[kOperations], {{"action", action}, {"result", result}, {"target", std::string(operation.target)}})
        .Increment();
    if (!operation.success || match.line.time_us <= 0 || (operation.action != "reboot" && operation.action != "off")) return;
    counts_.raise(kFamilies[kLast], {{"target", std::string(operation.target)}}, static_cast<double>(match.line.time_us) / 1e6);
  }

  void warned(const Match& match) {
    const size_t kind = match.pattern - kFirstSbd;
    if (kind == std::size(kKinds)) {
      stopping_ = kServants;
      stopped_us_ = match.line.time_us;
    } else if (std::string_view(kKinds[kind]) != "servant_died" || !ends_as_told(match.line.time_us)) {
      counts_.counter(kFamilies[kSbd], {{"kind", kKinds[kind]}}).Increment(match.line.repeated);
    }
  }

  // Of servants whose sbd was told to exit, which is how a cluster is stopped, the end is no sign of trouble.
  bool ends_as_told(int64_t time_us) {
    constexpr int64_t kStopping = 30'000'000;
    if (time_us != 0 && stopped_us_ != 0 && std::llabs(time_us - stopped_us_) > kStopping) stopping_ = 0;
    if (stopping_ == 0) return false;
    --stopping_;
    return true;
  }

  // A node that may be fenced one day: its series begin at 0.
  void known(std::string_view node) {
    for (const char* action : {"reboot", "off"})
      for (const char* result : {"success", "failed"})
        counts_.counter(kFamilies[kOperations], {{"action", action}, {"result", result}, {"target", std::string(node)}});
  }

  Counts counts_{kFamilies};
  std::array<const prometheus::Counter*, std::size(kKinds)> sbd_;
  FencingOperations operations_;
  static constexpr uint32_t kServants = 5;  // that an sbd has at most: three disks, pacemaker, corosync
  uint32_t stopping_ = 0;                   // of them were told to exit, at stopped_us_, and have not yet
  int64_t stopped_us_ = 0;
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
