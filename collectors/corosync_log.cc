// What corosync says in its log, 1.4 to 3.1 (exec/totemsrp.c, exec/main.c, exec/totemrrp.c, exec/vsf_quorum.c) and kronosnet
// (libknet/links.c, threads_heartbeat.c, host.c).
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>

#include "collectors/corosync/link_flaps.h"
#include "exporter/base/scan.h"
#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"

namespace fencewatch {
namespace {

enum {
  kTokenWarnings,
  kTokenTimeouts,
  kTokenDelay,
  kTokenDelayMax,
  kSchedulingMisses,
  kSchedulingDelay,
  kPauses,
  kLinkChanges,
  kLinkFlaps,
  kHostsUnreachable,
  kMembershipChanges,
  kNodesLost,
  kRetransmits,
  kQuorumChanges,
  kRingFaults,
  kRingRecoveries,
  kUnableToForm,
  kLastEvent
};
constexpr Family kFamilies[] = {
    {"fencewatch_corosync_token_warnings_total", Type::counter,
     "Times the token was late (75 % of its timeout by default) but not lost, 'Token has not been received' in corosync's log (since 3.0).",
     ""},
    {"fencewatch_corosync_token_timeouts_total", Type::counter,
     "Times the token was lost, 'A processor failed, forming new configuration' in corosync's log. A node that was stalled may not say it.",
     ""},
    {"fencewatch_corosync_token_delay_seconds", Type::histogram,
     "Time since the last token when corosync warned that it is late, from corosync's log.", ""},
    {"fencewatch_corosync_token_delay_max_seconds", Type::gauge,
     "The longest time without a token that corosync warned of, from corosync's log; kept over restarts.", ""},
    {"fencewatch_corosync_scheduling_misses_total", Type::counter,
     "Times corosync did not get the CPU in time, 'main process was not scheduled' in corosync's log.", ""},
    {"fencewatch_corosync_scheduling_delay_seconds", Type::histogram,
     "How long corosync did not run when it says that it was not scheduled, from corosync's log.", ""},
    {"fencewatch_corosync_pauses_total", Type::counter,
     "Pauses of corosync noticed while the membership was formed, 'Process pause detected' in corosync's log; often the same stall as a "
     "scheduling miss.",
     ""},
    {"fencewatch_corosync_link_changes_total", Type::counter, "Links of knet that went up or down, from corosync's log.",
     "host,link,state"},
    {"fencewatch_corosync_link_flaps_total", Type::counter,
     "Times a link of knet went down for the third time within half an hour, or one more, from corosync's log.", ""},
    {"fencewatch_corosync_hosts_unreachable_total", Type::counter,
     "Hosts that lost their last link, 'has no active links' in corosync's log; not while corosync starts, and once until a link is up "
     "again.",
     ""},
    {"fencewatch_corosync_membership_changes_total", Type::counter, "Memberships formed, 'A new membership' in corosync's log.", ""},
    {"fencewatch_corosync_nodes_lost_total", Type::counter,
     "Nodes that left without saying so, 'Failed to receive the leave message' in corosync's log.", ""},
    {"fencewatch_corosync_retransmits_total", Type::counter, "Requests to send messages again, 'Retransmit List' in corosync's log.", ""},
    {"fencewatch_corosync_quorum_changes_total", Type::counter,
     "Times this node came into or fell out of the primary component, from corosync's log.", "state"},
    {"fencewatch_corosync_ring_faults_total", Type::counter, "Rings marked faulty by corosync 1.4 or 2.x, from corosync's log.", ""},
    {"fencewatch_corosync_ring_recoveries_total", Type::counter,
     "Rings recovered automatically by corosync 1.4 or 2.x, from corosync's log.", ""},
    {"fencewatch_corosync_unable_to_form_total", Type::counter,
     "Times corosync could not form a cluster for a fault of system or network, 'Totem is unable to form a cluster' in corosync's log.",
     ""},
    {"fencewatch_corosync_last_event_timestamp_seconds", Type::gauge,
     "When each kind of event was last seen in corosync's log, in seconds since 1970.", "event"},
};

// The patterns, those that are only counted first.
enum Heard {
  kTokenLost,
  kPause,
  kMembership,
  kRetransmit,
  kFaulty,
  kRecovered,
  kCannotForm,
  kTokenLate,
  kNotScheduled,
  kLeaveMissed,
  kLink,
  kNoLinks,
  kPrimary,
  kNonPrimary,
  kStart,
  kFailedToReceive,
  kStopped,
  kConfigurationDiffers
};
constexpr Channel kCorosync = Channel::corosync;
constexpr Pattern kPatterns[] = {
    {kCorosync, R"(A processor failed, forming new configuration)",
     "[TOTEM ] A processor failed, forming new configuration: token timed out (3650ms), waiting 4380ms for consensus.", "token_timeout"},
    {kCorosync, R"(Process pause detected for (\S+) ms, flushing membership messages)",
     "[TOTEM ] Process pause detected for 9063 ms, flushing membership messages.", "process_pause", "ms"},
    {kCorosync, R"(new membership (?:\(([^)]*)\) )?was formed\.?(?:.* left:((?: \d+)+))?)",
     "[TOTEM ] A new membership (1.11) was formed. Members joined: 2", "membership", "ring,left"},
    {kCorosync, R"(Retransmit List: )", "[TOTEM ] Retransmit List: 2a 2b 2c ", "retransmit"},
    {kCorosync, R"(Marking (?:seqid \d+ )?ringid \d+ interface .*FAULTY)", "[TOTEM ] Marking ringid 1 interface 192.168.2.1 FAULTY",
     "ring_fault"},
    {kCorosync, R"(Automatically recovered ring \d)", "[TOTEM ] Automatically recovered ring 1", "ring_recovery"},
    {kCorosync, R"(Totem is unable to form a cluster because of an operating system or network fault)",
     "[TOTEM ] Totem is unable to form a cluster because of an operating system or network fault (reason: totem is continuously in gather "
     "state). The most common cause of this message is that the local firewall is configured improperly.",
     "unable_to_form"},
    // A blank ends it up to 3.1.7; the number is negative when the clock was turned back, or huge where it is printed unsigned (3.1.9).
    {kCorosync, R"(Token has not been received in (\S+) ms)", "[TOTEM ] Token has not been received in 2737 ms ", "token_warning", "ms"},
    {kCorosync, R"(Corosync main process was not scheduled (?:\(@\d+\) )?for (\S+) ms)",
     "[MAIN  ] Corosync main process was not scheduled (@1795420931698) for 10792.6299 ms (threshold is 2920.0000 ms). "
     "Consider token timeout increase.",
     "scheduling_miss", "ms"},
    {kCorosync, R"(Failed to receive the leave message\.(?: failed:((?: \d+)+))?)",
     "[TOTEM ] Failed to receive the leave message. failed: 1 3", "leave_missed", "ids"},
    // The first word is link, rx or heartbeat, by the version of knet.
    {kCorosync, R"(\w: host: (\d+) link: (\d+) is (up|down))", "[KNET  ] link: host: 2 link: 0 is down", "link", "host,link,state"},
    {kCorosync, R"(host: host: (\d+) has no active links)", "[KNET  ] host: host: 2 has no active links", "host_unreachable", "host"},
    {kCorosync, R"(This node is within the primary component and will provide service)",
     "[QUORUM] This node is within the primary component and will provide service.", "quorum_gained"},
    {kCorosync, R"(This node is within the non-primary component and will NOT provide any service)",
     "[QUORUM] This node is within the non-primary component and will NOT provide any services.", "quorum_lost"},
    {kCorosync, R"(Corosync Cluster Engine (?:\('?)?([\w.]+).*start(?:ing up|ed and ready))",
     "[MAIN  ] Corosync Cluster Engine 3.1.7 starting up", "corosync_start", "version"},
    // Of these a report tells.
    {kCorosync, R"(FAILED TO RECEIVE)", "[TOTEM ] FAILED TO RECEIVE", "failed_to_receive"},
    {kCorosync, R"(Node was shut down by a signal|was shut down by sysadmin|Corosync Cluster Engine exiting normally)",
     "[MAIN  ] Node was shut down by a signal", "corosync_stop"},
    {kCorosync,
     R"(message (?:has|with) invalid digest|Digest does not match|type not recognized|different (?:crypto|configuration|version))",
     "[TOTEM ] Digest does not match", "digest_mismatch"},
};

struct Event {
  int family;
  const char* name;  // as in corosync_last_event_timestamp_seconds{event}
};
constexpr Event kEvents[] = {
    {kTokenTimeouts, "token_timeout"},
    {kPauses, "pause"},
    {kMembershipChanges, "membership_change"},
    {kRetransmits, "retransmit"},
    {kRingFaults, "ring_fault"},
    {kRingRecoveries, "ring_recovery"},
    {kUnableToForm, "unable_to_form"},
    {kTokenWarnings, "token_warning"},
    {kSchedulingMisses, "scheduling_miss"},
    {kNodesLost, "node_lost"},
};

constexpr size_t kMostHosts = 32, kMostLinks = 8;
constexpr double kLongest = 3600;  // seconds: more is no delay but a clock that was turned

// Milliseconds as corosync prints them, in seconds; none where that cannot be a delay.
std::optional<double> delay(std::string_view milliseconds) {
  double value = 0;
  if (!scan::number(milliseconds, value) || !(value >= 0 && value <= kLongest * 1000)) return std::nullopt;
  return value / 1000;
}

class CorosyncLog final : public Collector {
 public:
  CorosyncLog() {
    counts_.bound(kFamilies[kLinkChanges], "host", kMostHosts);
    counts_.bound(kFamilies[kLinkChanges], "link", kMostLinks);
    for (const int family : {kHostsUnreachable, kLinkFlaps}) counts_.counter(kFamilies[family]);
    for (const Event& event : kEvents) counts_.counter(kFamilies[event.family]);
    for (const int family : {kTokenDelay, kSchedulingDelay}) counts_.histogram(kFamilies[family]);
    for (const char* state : {"gained", "lost"}) counts_.counter(kFamilies[kQuorumChanges], {{"state", state}});
  }

  Status collect(const Node&, Page& page) override {
    counts_.write(page);
    page.recent("corosync_token_warnings", counts_.value(kFamilies[kTokenWarnings]));
    page.recent("corosync_token_timeouts", counts_.value(kFamilies[kTokenTimeouts]));
    page.recent("corosync_scheduling_misses", counts_.value(kFamilies[kSchedulingMisses]));
    page.recent("corosync_hosts_unreachable", counts_.value(kFamilies[kHostsUnreachable]));
    page.recent("corosync_pauses", counts_.value(kFamilies[kPauses]));
    page.recent("corosync_unable_to_form", counts_.value(kFamilies[kUnableToForm]));
    page.recent("corosync_link_flaps", counts_.value(kFamilies[kLinkFlaps]));
    return {};
  }

  std::span<const Pattern> patterns() const override { return kPatterns; }
  Counts* counts() override { return &counts_; }

  // "started 1+ 3-": hosts by whether one of their links is up.
  std::string memory() const override {
    std::string text = started_ ? "started" : "";
    for (const auto& [host, up] : reachable_) text += ' ' + host + (up ? '+' : '-');
    return text;
  }
  void remember(std::string_view memory) override {
    for (std::string_view word; !(word = scan::next_word(memory)).empty();) {
      if (word == "started") started_ = true;
      if (word.ends_with('+') || word.ends_with('-')) reach(word.substr(0, word.size() - 1), word.back() == '+');
    }
  }

  void on_event(const Match& match) override {
    switch (match.pattern) {
      case kTokenLate:
        if (const auto seconds = delay(match.groups[0])) token_delay(*seconds, match.line.repeated);
        return count(match);
      case kNotScheduled:
        if (const auto seconds = delay(match.groups[0])) counts_.observe(kFamilies[kSchedulingDelay], {}, *seconds, match.line.repeated);
        return count(match);
      case kLeaveMissed:
        return count(match, std::max<ptrdiff_t>(1, std::count(match.groups[0].begin(), match.groups[0].end(), ' ')));
      case kLink:
        return link(match);
      case kNoLinks:
        return no_links(match);
      case kPrimary:
        return quorum(match, "gained", "quorum_gained");
      case kNonPrimary:
        return quorum(match, "lost", "quorum_lost");
      case kStart:
        started_ = true;
        reachable_.clear();
        return;
      case kFailedToReceive:
      case kStopped:
      case kConfigurationDiffers:
        return;
      default:
        return count(match);
    }
  }

 private:
  void count(const Match& match, ptrdiff_t each = 1) {
    const Event& event = kEvents[match.pattern];
    counts_.counter(kFamilies[event.family]).Increment(static_cast<double>(each) * match.line.repeated);
    happened(match, event.name);
  }

  void happened(const Match& match, const char* event) {
    if (match.line.time_us <= 0) return;
    counts_.raise(kFamilies[kLastEvent], {{"event", event}}, static_cast<double>(match.line.time_us) / 1e6);
  }

  void token_delay(double seconds, uint32_t times) {
    counts_.observe(kFamilies[kTokenDelay], {}, seconds, times);
    counts_.raise(kFamilies[kTokenDelayMax], {}, seconds);
  }

  void link(const Match& match) {
    const bool up = match.groups[2] == "up";
    const Family& changes = kFamilies[kLinkChanges];
    prometheus::Labels labels = {{"host", std::string(match.groups[0])}, {"link", std::string(match.groups[1])}};
    for (const char* state : {"up", "down"}) {
      labels["state"] = state;  // both, so that the first change to the other is an increase
      counts_.counter(changes, labels).Increment((up == (state[0] == 'u')) ? match.line.repeated : 0);
    }
    happened(match, up ? "link_up" : "link_down");
    if (up) return reach(match.groups[0], true);
    if (flaps_.down(match.groups[0], match.groups[1], match.line.time_us)) counts_.counter(kFamilies[kLinkFlaps]).Increment();
  }

  // knet says it for each host several times while corosync starts, and again for each link that is taken away later.
  void no_links(const Match& match) {
    const auto known = reachable_.find(match.groups[0]);
    const bool was = known == reachable_.end() ? !started_ : known->second;
    if (!was) return;
    counts_.counter(kFamilies[kHostsUnreachable]).Increment();
    happened(match, "host_unreachable");
    reach(match.groups[0], false);
  }

  void reach(std::string_view host, bool is) {
    const auto known = reachable_.find(host);
    if (known != reachable_.end()) {
      known->second = is;
    } else if (reachable_.size() < kMostHosts) {
      reachable_.emplace(host, is);
    }
  }

  void quorum(const Match& match, const char* state, const char* event) {
    counts_.counter(kFamilies[kQuorumChanges], {{"state", state}}).Increment(match.line.repeated);
    happened(match, event);
  }

  // From a token of 1 s, whose warning comes at 0.75 s, to stalls in which every node is fenced.
  Counts counts_{kFamilies, {0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60}};
  LinkFlaps flaps_;
  bool started_ = false;                                // corosync's start was seen: hosts have no links until one is up
  std::map<std::string, bool, std::less<>> reachable_;  // hosts by whether one of their links is up
};

}  // namespace

extern const Spec corosync_log;
constinit const Spec corosync_log = {
    .name = "corosync_log",
    .summary = "What corosync says: tokens late and lost, links, memberships, scheduling misses (its log)",
    .families = kFamilies,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<CorosyncLog>(); },
};

}  // namespace fencewatch
