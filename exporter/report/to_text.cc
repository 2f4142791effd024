#include "exporter/report/to_text.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace fencewatch {
namespace {

constexpr size_t kColumns = 100;

// Bytes of the character at the start of `text`, and the columns that it takes: ideographs take two.
std::pair<size_t, size_t> character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return {std::min(bytes, text.size()), bytes >= 3 ? 2 : 1};
}

class Writer {
 public:
  explicit Writer(TextStyle style) : style_(style) {}

  const std::string& of(const Text& text) const { return style_.language == Language::zh ? text.zh : text.en; }
  const char* pick(const char* en, const char* zh) const { return style_.language == Language::zh ? zh : en; }

  void heading(std::string_view text) {
    out_ += '\n';
    paint("1", text);
    out_ += '\n';
  }
  void paint(const char* code, std::string_view text) {
    if (style_.colour) out_.append("\x1b[").append(code).append("m");
    out_ += safe(text);
    if (style_.colour) out_ += "\x1b[0m";
  }
  // Wrapped between words, or anywhere between ideographs; what follows the first line is indented by `indent`.
  void paragraph(std::string_view text, size_t indent = 0, std::string_view mark = "") {
    std::string line(indent, ' ');
    line.replace(indent - std::min(indent, mark.size()), std::min(indent, mark.size()), mark.substr(0, std::min(indent, mark.size())));
    size_t column = indent, last_blank = std::string::npos;
    const std::string clean = safe(text);
    for (std::string_view rest = clean; !rest.empty();) {
      const auto [bytes, columns] = character(rest);
      if (column + columns > kColumns) {
        const bool word = last_blank != std::string::npos && columns == 1;
        const std::string tail = word ? line.substr(last_blank + 1) : std::string();
        out_.append(word ? line.substr(0, last_blank) : line).append("\n");
        line = std::string(indent, ' ') + tail;
        column = indent + tail.size();
        last_blank = std::string::npos;
      }
      if (rest[0] == ' ' && column > indent) last_blank = line.size();
      line.append(rest.substr(0, bytes));
      column += columns;
      rest.remove_prefix(bytes);
    }
    out_.append(line).append("\n");
  }
  void evidence(const Evidence& evidence) {
    std::string text = evidence.metric;
    if (!text.empty()) {
      char value[40];
      std::snprintf(value, sizeof value, " %.10g", evidence.value);
      return paragraph(text + value, 6);
    }
    const std::string place = evidence.line == 0 ? evidence.file : evidence.file + ":" + std::to_string(evidence.line);
    text = evidence.time + (evidence.time.empty() ? "" : " ") + evidence.node + " " + evidence.text +
           (place.empty() ? "" : "  [" + place + "]");
    paragraph(text, 6);
  }
  std::string take() { return std::move(out_); }

 private:
  // A line of a log may hold escape sequences.
  static std::string safe(std::string_view text) {
    std::string out;
    for (const char c : text) {
      char hex[8];
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) {
        std::snprintf(hex, sizeof hex, "\\x%02x", byte);
        out += c == '\t' ? " " : hex;
      } else {
        out += c;
      }
    }
    return out;
  }

  const TextStyle style_;
  std::string out_;
};

const char* colour_of(int stage) { return stage == 3 ? "1;31" : stage == 2 ? "1;33" : stage == 1 ? "33" : "32"; }

void write(const Considered& considered, Writer& out) {
  out.paragraph(considered.cause, 4, "* ");
  for (const Reason& reason : considered.speaks_for) {
    out.paragraph(std::string("+ ") + out.of(reason.says), 6);
    for (const Evidence& evidence : reason.evidence) out.evidence(evidence);
  }
  for (const Reason& reason : considered.against) out.paragraph(std::string("- ") + out.of(reason.says), 6);
  for (const Text& text : considered.missing) out.paragraph(std::string("? ") + out.pick("missing: ", "缺少：") + out.of(text), 6);
}

void write(const NodeReport& node, Writer& out) {
  out.heading(node.name + (node.source.empty() ? "" : " (" + node.source + ")"));
  out.paint(colour_of(node.stage), std::string(out.pick("stage ", "阶段 ")) + std::to_string(node.stage));
  out.paragraph(std::string(" ") + node.release + (node.product.empty() ? "" : ", " + node.vendor + " " + node.product));
  out.paragraph(out.of(node.verdict));
  for (const Incident& incident : node.incidents) {
    out.heading(std::string(out.pick("Incident: ", "事件：")) + incident.at + " " + incident.kind);
    out.paragraph(out.of(incident.says), 2);
    for (const Considered& considered : incident.causes) write(considered, out);
  }
  if (!node.findings.empty()) out.heading(out.pick("Findings", "发现"));
  for (const Finding& finding : node.findings) {
    out.paragraph(finding.id + " (" + std::string(name(finding.severity)) + "): " + out.of(finding.says), 4, "* ");
    if (!out.of(finding.advice).empty()) out.paragraph(std::string("=> ") + out.of(finding.advice), 6);
    for (const Evidence& evidence : finding.evidence) out.evidence(evidence);
  }
  for (const KilledProcess& kill : node.oom_kills) out.paragraph(kill.at + " " + kill.victim + ": " + kill.cause, 4, "* ");
  if (!node.unread.empty()) out.heading(out.pick("Could not be read", "无法读取"));
  for (const Unread& unread : node.unread) out.paragraph(unread.file + ": " + unread.reason, 4, "* ");
}

}  // namespace

std::string to_text(const Report& report, TextStyle style) {
  Writer out(style);
  std::vector<const NodeReport*> nodes;  // the worst first
  for (const NodeReport& node : report.nodes) nodes.push_back(&node);
  std::ranges::stable_sort(nodes, std::ranges::greater{}, &NodeReport::stage);
  for (const NodeReport* node : nodes) write(*node, out);
  if (report.nodes.size() > 1) {
    out.heading(out.pick("The nodes together", "各节点对照"));
    out.paragraph(
        report.same_model ? out.pick("All of one model.", "同一型号。") : out.pick("Not known to be of one model.", "未确认为同一型号。"),
        2);
    out.paragraph(
        report.same_kernel ? out.pick("All of one kernel.", "内核相同。") : out.pick("Not known to be of one kernel.", "未确认内核相同。"),
        2);
    for (const auto& [node, seconds] : report.clock_offsets)
      if (seconds > 1 || seconds < -1)
        out.paragraph(node + out.pick(": its clock differs by ", "：时钟相差 ") + std::to_string(seconds) + " s", 2);
  }
  if (!report.timeline.empty()) out.heading(out.pick("Timeline", "时间线"));
  for (const TimelineEntry& entry : report.timeline) {
    const std::string times = entry.repeated > 1 ? " (×" + std::to_string(entry.repeated) + ")" : "";
    out.paragraph(entry.at + " " + entry.node + " " + entry.text + times + "  [" + entry.file + ":" + std::to_string(entry.line) + "]", 2);
  }
  return out.take().substr(1);
}

}  // namespace fencewatch
