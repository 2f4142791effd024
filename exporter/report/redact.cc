#include "exporter/report/redact.h"

#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fencewatch {
namespace {

class Redaction {
 public:
  explicit Redaction(const Report& report) {
    for (const NodeReport& node : report.nodes) host(node.name);
    for (const NodeReport& node : report.nodes)
      for (const Incident& incident : node.incidents) host(incident.target), host(incident.by);
    for (const TimelineEntry& entry : report.timeline) peers(entry.text);
  }

  void operator()(std::string& text) {
    replace_hosts(text);
    static const RE2 kUid(R"(([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|\b[0-9a-f]{32,64}\b))");
    static const RE2 kMac(R"((\b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}\b))");
    static const RE2 kSix(R"((\b(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}\b|\b(?:[0-9a-fA-F]{1,4}:)+:[0-9a-fA-F:]*[0-9a-fA-F]))");
    static const RE2 kFour(R"((\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b))");
    static const RE2 kPod(R"re((?:namespace|pod|container)="([^"]+)")re");
    replace(text, kUid, "uid");
    replace(text, kMac, "address");
    replace(text, kSix, "address");
    replace(text, kFour, "address");
    replace(text, kPod, "pod");
  }

 private:
  // Hosts that only a line names.
  void peers(const std::string& text) {
    static const RE2 kNamed(
        R"((?:targeting|[Nn]ode|[Pp]eer|fence \(\w+\)|fenced by|returned by|Stonith of|by|@|for) ?'?([A-Za-z][\w-]*)(?: (?:by|for|is|was|state|will|on|using|with)\b|[.:@]|$))");
    constexpr std::string_view kWords[] = {"is",  "was",  "state", "with", "by",   "left",  "the",    "of",     "and",
                                           "has", "will", "any",   "no",   "this", "error", "notice", "warning"};
    re2::StringPiece rest(text);
    for (std::string name; RE2::FindAndConsume(&rest, kNamed, &name);)
      if (std::find(std::begin(kWords), std::end(kWords), name) == std::end(kWords) && !name.starts_with("pacemaker") &&
          !name.starts_with("crmd"))
        host(name);
  }
  void host(const std::string& name) {
    if (!name.empty()) word(name, "host");
  }
  const std::string& word(const std::string& for_what, const char* kind) {
    const auto known = words_.find(for_what);
    if (known != words_.end()) return known->second;
    return words_.emplace(for_what, kind + std::to_string(++numbers_[kind])).first->second;
  }

  // The group of the pattern.
  void replace(std::string& text, const RE2& pattern, const char* kind) {
    std::string out;
    size_t done = 0;
    re2::StringPiece rest(text), group;
    while (RE2::FindAndConsume(&rest, pattern, &group)) {
      const auto at = static_cast<size_t>(group.data() - text.data());
      out.append(text, done, at - done).append(word(std::string(group), kind));
      done = at + group.size();
    }
    text = out.append(text, done);
  }

  // Whole words: "n1" is not in "nn1" or "n10".
  void replace_hosts(std::string& text) const {
    static const RE2 kWord(R"(([A-Za-z0-9][\w-]*))");
    std::string out;
    size_t done = 0;
    re2::StringPiece rest(text), group;
    while (RE2::FindAndConsume(&rest, kWord, &group)) {
      const auto known = words_.find(std::string(group));
      if (known == words_.end() || !known->second.starts_with("host")) continue;
      const auto at = static_cast<size_t>(group.data() - text.data());
      out.append(text, done, at - done).append(known->second);
      done = at + group.size();
    }
    text = out.append(text, done);
  }

  std::map<std::string, std::string> words_;
  std::map<std::string_view, int> numbers_;
};

void each(Text& text, Redaction& redaction) { redaction(text.en), redaction(text.zh); }

void each(std::vector<Evidence>& all, Redaction& redaction) {
  for (Evidence& evidence : all) redaction(evidence.node), redaction(evidence.text), redaction(evidence.metric);
}

void each(Incident& incident, Redaction& redaction) {
  redaction(incident.target);
  redaction(incident.by);
  each(incident.says, redaction);
  each(incident.events, redaction);
  for (Considered& cause : incident.causes) {
    for (auto* reasons : {&cause.speaks_for, &cause.against})
      for (Reason& reason : *reasons) each(reason.says, redaction), each(reason.evidence, redaction);
    for (Text& text : cause.missing) each(text, redaction);
  }
}

}  // namespace

void redact(Report& report) {
  Redaction redaction(report);
  for (NodeReport& node : report.nodes) {
    redaction(node.name);
    if (!node.source.empty()) node.source = "-";
    each(node.verdict, redaction);
    for (Finding& finding : node.findings)
      each(finding.says, redaction), each(finding.advice, redaction), each(finding.evidence, redaction);
    for (Incident& incident : node.incidents) each(incident, redaction);
    for (KilledProcess& kill : node.oom_kills) redaction(kill.victim), redaction(kill.evidence.node), redaction(kill.evidence.text);
    for (Unread& unread : node.unread) redaction(unread.file);
  }
  for (TimelineEntry& entry : report.timeline) redaction(entry.node), redaction(entry.text);
  std::map<std::string, double> offsets;
  for (const auto& [node, seconds] : report.clock_offsets) {
    std::string name = node;
    redaction(name);
    offsets.emplace(std::move(name), seconds);
  }
  report.clock_offsets = std::move(offsets);
}

}  // namespace fencewatch
