#include "exporter/report/to_json.h"

#include "exporter/base/json.h"

namespace fencewatch {
namespace {

void write(Json& out, const Text& text) { out.begin_object().member("en", text.en).member("zh", text.zh).end_object(); }

void write(Json& out, const Evidence& evidence) {
  out.begin_object();
  if (!evidence.node.empty()) out.member("node", evidence.node);
  if (!evidence.file.empty()) out.member("file", evidence.file);
  if (evidence.line != 0) out.member("line", evidence.line);
  if (!evidence.time.empty()) out.member("time", evidence.time);
  if (!evidence.text.empty()) out.member("text", evidence.text);
  if (!evidence.metric.empty()) out.member("metric", evidence.metric).member("value", evidence.value);
  out.end_object();
}

void write(Json& out, std::string_view key, const std::vector<Evidence>& all) {
  out.key(key).begin_array();
  for (const Evidence& evidence : all) write(out, evidence);
  out.end_array();
}

void write(Json& out, std::string_view key, const std::vector<Reason>& reasons) {
  out.key(key).begin_array();
  for (const Reason& reason : reasons) {
    out.begin_object().member("en", reason.says.en).member("zh", reason.says.zh);
    write(out, "evidence", reason.evidence);
    out.end_object();
  }
  out.end_array();
}

void write(Json& out, const Considered& cause) {
  out.begin_object().member("cause", cause.cause);
  write(out, "for", cause.speaks_for);
  write(out, "against", cause.against);
  out.key("missing").begin_array();
  for (const Text& text : cause.missing) write(out, text);
  out.end_array().end_object();
}

void write(Json& out, const Incident& incident) {
  out.begin_object().member("at", incident.at).member("kind", incident.kind).member("target", incident.target);
  out.member("by", incident.by);
  out.member("cause", incident.cause).member("confidence", name(incident.confidence)).member("stage", incident.stage);
  out.member("en", incident.says.en).member("zh", incident.says.zh);
  out.key("causes").begin_array();
  for (const Considered& cause : incident.causes) write(out, cause);
  out.end_array();
  write(out, "events", incident.events);
  out.end_object();
}

void write(Json& out, const Finding& finding) {
  out.begin_object().member("id", finding.id).member("severity", name(finding.severity));
  write(out, "evidence", finding.evidence);
  out.member("en", finding.says.en).member("zh", finding.says.zh).key("advice");
  write(out, finding.advice);
  out.end_object();
}

void write_identity(Json& out, const NodeReport& node) {
  out.member("name", node.name).member("source", node.source);
  out.key("kernel").begin_object().member("release", node.release).key("advisories").begin_array();
  for (const Advisory& advisory : node.advisories)
    out.begin_object().member("id", advisory.id).member("status", advisory.status).member("fixed_in", advisory.fixed_in).end_object();
  out.end_array().end_object();
  out.key("machine").begin_object().member("vendor", node.vendor).member("product", node.product).end_object();
}

void write(Json& out, const NodeReport& node) {
  out.begin_object();
  write_identity(out, node);
  out.member("stage", node.stage).key("verdict");
  write(out, node.verdict);
  out.key("findings").begin_array();
  for (const Finding& finding : node.findings) write(out, finding);
  out.end_array().key("incidents").begin_array();
  for (const Incident& incident : node.incidents) write(out, incident);
  out.end_array().key("oom_kills").begin_array();
  for (const OomKill& kill : node.oom_kills) {
    out.begin_object().member("at", kill.at).member("victim", kill.victim).member("cause", kill.cause).key("evidence");
    write(out, kill.evidence);
    out.end_object();
  }
  out.end_array().key("unread").begin_array();
  for (const Unread& unread : node.unread) out.begin_object().member("file", unread.file).member("reason", unread.reason).end_object();
  out.end_array().end_object();
}

}  // namespace

std::string to_json(const Report& report) {
  Json out;
  out.begin_object().member("schema", 1).key("nodes").begin_array();
  for (const NodeReport& node : report.nodes) write(out, node);
  out.end_array().key("cluster").begin_object().key("clock_offsets").begin_object();
  for (const auto& [node, seconds] : report.clock_offsets) out.member(node, seconds);
  out.end_object().member("same_model", report.same_model).member("same_kernel", report.same_kernel);
  out.key("timeline").begin_array();
  for (const TimelineEntry& entry : report.timeline) {
    out.begin_object().member("at", entry.at).member("node", entry.node).member("event", entry.event).member("file", entry.file);
    out.member("line", entry.line).member("text", entry.text).member("repeated", int64_t{entry.repeated}).end_object();
  }
  out.end_array().end_object().end_object();
  return out.take() + "\n";
}

}  // namespace fencewatch
