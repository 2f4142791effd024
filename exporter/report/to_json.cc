#include "exporter/report/to_json.h"

#include <nlohmann/json.hpp>

namespace fencewatch {
namespace {

using Json = nlohmann::ordered_json;

Json to_value(const Reason& reason);
Json to_value(const Considered& considered);
Json to_value(const Incident& incident);
Json to_value(const Finding& finding);
Json to_value(const Advisory& advisory);
Json to_value(const KilledProcess& kill);
Json to_value(const Unread& unread);
Json to_value(const ChainLink& link);
Json to_value(const NodeReport& node);
Json to_value(const TimelineEntry& entry);

Json to_value(const Text& text) { return {{"en", text.en}, {"zh", text.zh}}; }

Json to_value(const Evidence& evidence) {
  Json out = Json::object();
  if (!evidence.node.empty()) out["node"] = evidence.node;
  if (!evidence.file.empty()) out["file"] = evidence.file;
  if (evidence.line != 0) out["line"] = evidence.line;
  if (!evidence.time.empty()) out["time"] = evidence.time;
  if (!evidence.text.empty()) out["text"] = evidence.text;
  if (!evidence.metric.empty()) out["metric"] = evidence.metric, out["value"] = evidence.value;
  return out;
}

template <class T>
Json to_array(const std::vector<T>& all) {
  Json out = Json::array();
  for (const T& each : all) out.push_back(to_value(each));
  return out;
}

Json to_value(const Reason& reason) {
  Json out = to_value(reason.says);
  out["evidence"] = to_array(reason.evidence);
  return out;
}

Json to_value(const Considered& considered) {
  return {{"cause", considered.cause},
          {"for", to_array(considered.speaks_for)},
          {"against", to_array(considered.against)},
          {"missing", to_array(considered.missing)}};
}

Json to_value(const Incident& incident) {
  return {{"at", incident.at},
          {"kind", incident.kind},
          {"target", incident.target},
          {"by", incident.by},
          {"cause", incident.cause},
          {"confidence", name(incident.confidence)},
          {"stage", incident.stage},
          {"en", incident.says.en},
          {"zh", incident.says.zh},
          {"causes", to_array(incident.causes)},
          {"events", to_array(incident.events)}};
}

Json to_value(const Finding& finding) {
  return {{"id", finding.id},      {"severity", name(finding.severity)}, {"evidence", to_array(finding.evidence)}, {"en", finding.says.en},
          {"zh", finding.says.zh}, {"advice", to_value(finding.advice)}};
}

Json to_value(const Advisory& advisory) { return {{"id", advisory.id}, {"status", advisory.status}, {"fixed_in", advisory.fixed_in}}; }

Json to_value(const KilledProcess& kill) {
  return {{"at", kill.at}, {"victim", kill.victim}, {"cause", kill.cause}, {"evidence", to_value(kill.evidence)}};
}

Json to_value(const ChainLink& link) {
  constexpr const char* kStates[] = {"unknown", "good", "warning", "bad"};
  return {{"id", link.id}, {"state", kStates[static_cast<int>(link.state)]}, {"en", link.says.en}, {"zh", link.says.zh}};
}

Json to_value(const Unread& unread) { return {{"file", unread.file}, {"reason", unread.reason}}; }

Json to_value(const NodeReport& node) {
  return {{"name", node.name},
          {"source", node.source},
          {"kernel", {{"release", node.release}, {"advisories", to_array(node.advisories)}}},
          {"machine", {{"vendor", node.vendor}, {"product", node.product}}},
          {"stage", node.stage},
          {"verdict", to_value(node.verdict)},
          {"chain", to_array(node.chain)},
          {"findings", to_array(node.findings)},
          {"incidents", to_array(node.incidents)},
          {"oom_kills", to_array(node.oom_kills)},
          {"unread", to_array(node.unread)}};
}

Json to_value(const TimelineEntry& entry) {
  return {{"at", entry.at},     {"node", entry.node}, {"event", entry.event},      {"file", entry.file},
          {"line", entry.line}, {"text", entry.text}, {"repeated", entry.repeated}};
}

}  // namespace

std::string to_json(const Report& report) {
  Json cluster = {{"clock_offsets", Json::object()}, {"same_model", report.same_model}, {"same_kernel", report.same_kernel}};
  for (const auto& [node, seconds] : report.clock_offsets) cluster["clock_offsets"][node] = seconds;
  cluster["timeline"] = to_array(report.timeline);
  const Json all = {{"schema", 1}, {"nodes", to_array(report.nodes)}, {"cluster", std::move(cluster)}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace fencewatch
