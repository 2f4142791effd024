#include "exporter/diagnose/diagnose.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/diagnose/causes.h"
#include "exporter/diagnose/incidents.h"

namespace fencewatch {
namespace {

constexpr int64_t kBefore = 600'000'000, kAfter = 60'000'000;  // of an incident's events

NodeReport begin(const Facts& facts, const Rules& rules) {
  NodeReport node;
  node.name = facts.node;
  node.source = facts.source;
  rules.identify(facts, node);
  node.findings = rules.find(facts);
  node.unread = facts.unread;
  for (const Finding& finding : node.findings) node.stage = std::max(node.stage, finding.stage);
  for (const Event& event : facts.events)
    if (event.name == "oom_kill")
      node.oom_kills.push_back(
          {iso_time(facts.zone, event.time_us), event.text, cause_of_kill(facts, event, node.findings), evidence_of(facts, event)});
  return node;
}

Text happened_to(const Incident& incident) {
  const std::string &who = incident.target, &at = incident.at;
  if (incident.kind == "fenced" && incident.by.empty()) return {who + " was fenced at " + at, who + " 于 " + at + " 被隔离"};
  if (incident.kind == "fenced")
    return {who + " was fenced at " + at + " by " + incident.by, who + " 于 " + at + " 被 " + incident.by + " 隔离"};
  if (incident.kind == "self_fenced") return {who + " reset itself at " + at, who + " 于 " + at + " 自行复位"};
  if (incident.kind == "panic") return {"the kernel of " + who + " crashed at " + at, who + " 的内核于 " + at + " 崩溃"};
  if (incident.kind == "unclean_boot") return {who + " stopped without a shutdown after " + at, who + " 在 " + at + " 之后未经关机即停止"};
  if (incident.kind == "node_lost") return {"the cluster lost " + who + " at " + at, "集群于 " + at + " 失去 " + who};
  if (incident.kind == "token_lost") return {who + " lost the token at " + at, who + " 于 " + at + " 丢失令牌"};
  return {"processes were killed for want of memory on " + who + " until " + at, "至 " + at + "，" + who + " 上有进程因内存不足被杀"};
}

// With the number that decides the cause, as it stands in the input.
Text sentence(const Incident& incident, const NodeReport& node) {
  Text text = happened_to(incident);
  const Text why = because(incident.cause);
  text.en += incident.cause == "power_or_unknown" ? ": " + why.en + "."
                                                  : ": " + why.en + " (confidence " + std::string(name(incident.confidence)) + ").";
  constexpr const char* kSure[] = {"低", "中", "高"};
  text.zh += incident.cause == "power_or_unknown" ? "：" + why.zh + "。"
                                                  : "：" + why.zh + "（可信度：" + kSure[static_cast<int>(incident.confidence)] + "）。";
  if (incident.cause == "zone_miscount") {
    for (const Finding& finding : node.findings)
      if (finding.id == "zone_miscounted") text.en += " " + finding.says.en, text.zh += finding.says.zh;
  }
  const auto counted = [&](std::string_view words) {
    return std::ranges::count_if(incident.events,
                                 [&](const Evidence& e) { return e.node == node.name && e.text.find(words) != e.text.npos; });
  };
  const auto late = std::ranges::find_if(incident.events, [&](const Evidence& e) {
    return e.node == node.name && e.text.find("Token has not been received in ") != e.text.npos;
  });
  if (late != incident.events.end()) {
    const size_t at = late->text.find(" in ") + 4;
    const std::string delay = late->text.substr(at, late->text.find(" ms") - at);
    text.en += " Its token was " + delay + " ms late.";
    text.zh += "其令牌迟到 " + delay + " 毫秒。";
  }
  if (const auto kills = counted("Killed process"); kills > 0) {
    text.en += " Processes killed in the ten minutes before: " + std::to_string(kills) + ".";
    text.zh += "此前十分钟内被杀进程：" + std::to_string(kills) + " 个。";
  }
  return text;
}

class Diagnosis {
 public:
  Diagnosis(std::span<const Facts> nodes, const Rules& rules, Period period) : nodes_(nodes), rules_(rules), period_(period) {}

  Report make() {
    for (const Facts& facts : nodes_) report_.nodes.push_back(begin(facts, rules_));
    report_.clock_offsets = clock_offsets(nodes_);
    for (const Happened& happened : incidents_of(nodes_))
      if (happened.at_us >= period_.since_us && happened.at_us <= period_.until_us) add(happened);
    for (NodeReport& node : report_.nodes) conclude(node);
    compare();
    timeline();
    report_.exit_code = exit_code();
    return std::move(report_);
  }

 private:
  NodeReport& node(const std::string& name) {
    const auto found = std::ranges::find_if(report_.nodes, [&](const NodeReport& n) { return n.name == name; });
    if (found != report_.nodes.end()) return *found;
    report_.nodes.emplace_back().name = name;
    return report_.nodes.back();
  }

  double offset(const std::string& name) const { return report_.clock_offsets.contains(name) ? report_.clock_offsets.at(name) : 0; }

  void add(const Happened& happened) {
    NodeReport& target = node(happened.target);
    Incident incident;
    incident.at = iso_time(happened.teller->zone, happened.at_us);
    incident.at_us = happened.at_us;
    incident.kind = name(happened.kind);
    incident.target = happened.target;
    incident.by = happened.by;
    incident.causes = causes_of(happened, nodes_, target, report_.clock_offsets);
    incident.cause = incident.causes.front().cause;
    incident.confidence = confidence_in(incident.causes);
    incident.stage = happened.lost() ? 3 : 2;
    for (const Facts& facts : nodes_) {
      const auto shift = static_cast<int64_t>((offset(happened.teller->node) - offset(facts.node)) * 1e6);
      for (const Event& event : facts.events)
        if (event.time_us >= happened.at_us + shift - kBefore && event.time_us <= happened.at_us + shift + kAfter)
          incident.events.push_back(evidence_of(facts, event)), incident.event_times.push_back(event.time_us - shift);
    }
    std::ranges::sort(incident.event_times);
    incident.says = sentence(incident, target);
    target.incidents.push_back(std::move(incident));
  }

  static void conclude(NodeReport& node) {
    const Incident* worst = nullptr;
    for (const Incident& incident : node.incidents) {
      node.stage = std::max(node.stage, incident.stage);
      if (worst == nullptr || incident.stage > worst->stage) worst = &incident;
    }
    const auto first = std::ranges::max_element(node.findings, {}, &Finding::stage);
    if (worst != nullptr)
      node.verdict = worst->says;
    else if (first != node.findings.end() && first->stage > 0)
      node.verdict = first->says;
    else
      node.verdict = {"Nothing was found that endangers " + node.name + ".", "未发现危及 " + node.name + " 的问题。"};
  }

  void compare() {
    const auto same = [&](auto member) {
      return nodes_.size() > 1 && std::ranges::all_of(report_.nodes, [&](const NodeReport& n) {
               return n.source.empty() || (!(n.*member).empty() && n.*member == report_.nodes.front().*member);
             });
    };
    report_.same_model = same(&NodeReport::product);
    report_.same_kernel = same(&NodeReport::release);
  }

  void timeline() {
    std::vector<std::pair<int64_t, TimelineEntry>> all;
    for (const Facts& facts : nodes_) {
      for (const Event& event : facts.events) {
        const int64_t time_us = event.time_us == 0 ? 0 : event.time_us + static_cast<int64_t>(offset(facts.node) * 1e6);
        if (event.time_us != 0 && (event.time_us < period_.since_us || event.time_us > period_.until_us)) continue;
        all.emplace_back(time_us, TimelineEntry{iso_time(facts.zone, event.time_us), facts.node, std::string(event.name), event.file,
                                                event.line, event.text, event.repeated});
      }
    }
    std::ranges::stable_sort(all, {}, [](const auto& entry) { return entry.first; });
    for (auto& [time_us, entry] : all) report_.timeline.push_back(std::move(entry));
  }

  bool nothing_read() const {
    return std::ranges::all_of(nodes_, [](const Facts& facts) { return facts.life.empty() && facts.events.empty(); }) &&
           std::ranges::all_of(report_.nodes, [](const NodeReport& node) { return node.release.empty() && node.findings.empty(); });
  }

  int exit_code() const {
    if (nothing_read()) return 3;
    int stage = 0;
    bool lost = false, told = false;
    for (const NodeReport& node : report_.nodes) {
      stage = std::max(stage, node.stage);
      for (const Incident& incident : node.incidents) {
        lost = lost || incident.stage == 3;
        told = told || (incident.stage == 3 && incident.cause != "power_or_unknown");
      }
    }
    if (lost && !told) return 3;
    return std::min(stage, 2);
  }

  const std::span<const Facts> nodes_;
  const Rules& rules_;
  const Period period_;
  Report report_;
};

}  // namespace

Report diagnose(std::span<const Facts> nodes, const Rules& rules, Period period) { return Diagnosis(nodes, rules, period).make(); }

}  // namespace fencewatch
