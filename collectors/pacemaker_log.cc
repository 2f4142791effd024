// Why pacemaker means to fence a node, and what fails on the way: schedulerd or pengine (lib/pengine/unpack.c, remote.c), controld or crmd
// (daemons/controld), fenced or stonith-ng and what its agents print.
#include <string>
#include <string_view>

#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"

namespace fencewatch {
namespace {

enum { kPlanned, kRequested, kAgentFailures, kStopFailures };
constexpr Family kFamilies[] = {
    {"fencewatch_fencing_planned_total", Type::counter,
     "Times the scheduler told that a node will be fenced, by the kind of its reason, from pacemaker's log; told again with each "
     "transition "
     "until it is done.",
     "reason"},
    {"fencewatch_fencing_requested_total", Type::counter,
     "Requests for fencing, by who asked the fencer: the controller, an administrator, dlm or another program, from pacemaker's log.",
     "client"},
    {"fencewatch_fence_agent_failures_total", Type::counter, "Times a fencing device or its agent failed, from pacemaker's log.", "kind"},
    {"fencewatch_resource_stop_failures_total", Type::counter,
     "Stops of resources that failed, which gets a node fenced, from the controller's log of the node that ran them.", ""},
};

enum Heard { kWillBeFenced, kWants, kPowerTimeout, kNobody, kNoSession, kStopResult, kFirstUncounted };
constexpr Channel kPacemaker = Channel::pacemaker;
constexpr Pattern kPatterns[] = {
    {kPacemaker, R"([Nn]ode (\S+) will be fenced(?::| because(?: of)?| to| \() *(.*))",
     "warning: Cluster node n2 will be fenced: peer is no longer part of the cluster", "fencing_planned", "target,reason"},
    {kPacemaker, R"(Client (\S+) wants to fence \(([\w-]+)\) '?([^\s']+)'? (?:with|using))",
     "notice: Client pacemaker-controld.87 wants to fence (reboot) n2 using any device", "fencing_requested", "client,action,target"},
    {kPacemaker, R"(Timed out waiting to power (?:OFF|ON))", "warning: fence_ipmilan[812] stderr: [ Timed out waiting to power OFF ]",
     "fence_agent_failure"},
    {kPacemaker, R"(Couldn't find anyone to fence)", "notice: Couldn't find anyone to fence (reboot) n2 using any device",
     "fence_agent_failure"},
    {kPacemaker, R"(Unable to establish IPMI v2)",
     "warning: fence_ipmilan[812] stderr: [ Error: Unable to establish IPMI v2 / RMCP+ session ]", "fence_agent_failure"},
    {kPacemaker,
     R"(Result of stop operation for (\S+) on (\S+): (?:[1-9]\d* \(|[1-9]\d*$|[Tt]imed [Oo]ut|[Ee]rror|unknown|not |insufficient|invalid|fatal))",
     "notice: Result of stop operation for prmPg on n1: 1 (unknown error)", "stop_failed", "resource,target"},
    // Of these a report tells.
    {kPacemaker, R"(Action \d+ \((\S+)_stop_0\) on (\S+) failed)",
     "warning: Action 23 (prmPg_stop_0) on n1 failed (target: 0 vs. rc: 1): Error", "stop_failed", "resource,target"},
    {kPacemaker,
     R"((?:Processing failed (?:op )?stop (?:for|of)|Unexpected result \(.*\) was recorded for stop of) (\S+) on (\S+?)(?::| at |$))",
     "warning: Processing failed op stop for prmPg on n1: unknown error (1)", "stop_failed", "resource,target"},
    {kPacemaker, R"(Our peer on the DC \((\S+)\) is dead)", "notice: Our peer on the DC (n2) is dead", "dc_dead", "target"},
    {kPacemaker, R"(Stonith/shutdown of (?:node )?(\S+) was not expected)", "warning: Stonith/shutdown of node n2 was not expected",
     "not_expected", "target"},
    {kPacemaker, R"(Received manual confirmation that (\S+) (?:has been|is) fenced)",
     "notice: Received manual confirmation that n2 has been fenced", "fence_confirmed", "target"},
    {kPacemaker, R"(Signaling sbd.* to panic the system|Panicking the system)",
     "emerg: Panicking the system directly: fencing was requested", "pacemaker_panic"},
    {kPacemaker, R"(Shutting cluster down because )", "warning: Shutting cluster down because pacemaker-controld[1022] had fatal failure",
     "pacemaker_gave_up"},
    {kPacemaker, R"(Shutting down Pacemaker|(?:[Ss]ending|requesting) shutdown|Caught 'Terminated' signal)",
     "notice: Shutting down Pacemaker", "pacemaker_stop"},
};

// Kinds of reasons, by words in them.
struct Reason {
  std::string_view words, kind;
};
constexpr Reason kReasons[] = {
    {"requested", "requested"},           {"resource failure", "resource_failure"},
    {"failed there", "resource_failure"}, {"active there", "resource_failure"},
    {"unrunnable", "resource_failure"},   {"quorum", "no_quorum"},
    {"not been seen", "never_seen"},      {"unknown state", "never_seen"},
    {"process", "process_lost"},          {"peer", "node_lost"},
    {"no longer part", "node_lost"},      {"un-expectedly down", "node_lost"},
};
constexpr std::string_view kReasonKinds[] = {"requested",    "resource_failure", "no_quorum", "never_seen",
                                             "process_lost", "node_lost",        "other"};
constexpr std::string_view kClients[] = {"controld", "admin", "dlm", "other"};
constexpr std::string_view kFailures[] = {"power_timeout", "no_device", "no_session"};

std::string_view kind_of(std::string_view reason) {
  for (const Reason& known : kReasons)
    if (reason.find(known.words) != reason.npos) return known.kind;
  return "other";
}

std::string_view client_of(std::string_view client) {
  if (client.starts_with("pacemaker-controld") || client.starts_with("crmd")) return "controld";
  if (client.starts_with("stonith_admin") || client.starts_with("cibadmin") || client.starts_with("crm_")) return "admin";
  return client.starts_with("stonith-api") || client.starts_with("dlm") ? "dlm" : "other";
}

class PacemakerLog final : public Collector {
 public:
  PacemakerLog() {
    for (const std::string_view reason : kReasonKinds) add(kPlanned, "reason", reason, 0);
    for (const std::string_view client : kClients) add(kRequested, "client", client, 0);
    for (const std::string_view kind : kFailures) add(kAgentFailures, "kind", kind, 0);
    counts_.counter(kFamilies[kStopFailures]);
  }

  Status collect(const Node&, Page& page) override {
    counts_.write(page);
    return {};
  }
  std::span<const Pattern> patterns() const override { return kPatterns; }
  Counts* counts() override { return &counts_; }

  void on_event(const Match& match) override {
    const uint32_t times = match.line.repeated;
    switch (match.pattern) {
      case kWillBeFenced:
        return add(kPlanned, "reason", kind_of(match.groups[1]), times);
      case kWants:
        return add(kRequested, "client", client_of(match.groups[0]), times);
      case kPowerTimeout:
      case kNobody:
      case kNoSession:
        return add(kAgentFailures, "kind", kFailures[match.pattern - kPowerTimeout], times);
      case kStopResult:
        return counts_.counter(kFamilies[kStopFailures]).Increment(times);
      default:
        return;
    }
  }

 private:
  void add(int family, const char* label, std::string_view value, uint32_t times) {
    counts_.counter(kFamilies[family], {{label, std::string(value)}}).Increment(times);
  }

  Counts counts_{kFamilies};
};

}  // namespace

extern const Spec pacemaker_log;
constinit const Spec pacemaker_log = {
    .name = "pacemaker_log",
    .summary = "Fencing that is planned and asked for, agents and stops of resources that fail (pacemaker's log)",
    .families = kFamilies,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<PacemakerLog>(); },
};

}  // namespace fencewatch
