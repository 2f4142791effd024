#include "exporter/report/to_html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

namespace fencewatch {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--dim:#57606a;--line:#d0d7de;--good:#0b6e4f;--warn:#8a5300;--bad:#b3261e;--bar:#8fb8de}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--dim:#9aa4ae;--line:#30363d;--good:#4cc38a;--warn:#e3b341;--bad:#ff8a80;--bar:#315a80}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;padding:1rem;max-width:70rem}
h1{font-size:1.5rem;line-height:1.3}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid var(--line)}h3{font-size:1rem}
.chain{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.75rem;padding:0;list-style:none}
.chain li{border:1px solid var(--line);border-left:.5rem solid var(--dim);padding:.5rem .75rem}
.chain .good{border-left-color:var(--good)}.chain .warning{border-left-color:var(--warn)}.chain .bad{border-left-color:var(--bad)}
.good b{color:var(--good)}.warning b{color:var(--warn)}.bad b{color:var(--bad)}
.dim{color:var(--dim)}code,pre,.log{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
.wide{overflow-x:auto}svg{max-width:100%;height:auto}svg text{fill:var(--ink);font:12px system-ui,sans-serif}
.free{fill:var(--bar)}.mark{stroke:var(--ink);stroke-width:2}.due{stroke:var(--bad);stroke-width:2;stroke-dasharray:4 3}.axis{stroke:var(--line)}
.tick{stroke:var(--dim);stroke-width:2}.end{stroke:var(--bad);stroke-width:3}
ul.why{margin:.25rem 0}a{color:inherit}
@media print{body{max-width:none;padding:0}h2,h3{break-after:avoid}svg,li,tr{break-inside:avoid}}
)";

class Page {
 public:
  explicit Page(Language language) : language_(language) {}

  Page& raw(std::string_view html) {
    out_ += html;
    return *this;
  }
  // What comes from elsewhere: escaped, and control characters, which HTML does not allow, as U+FFFD.
  Page& text(std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '&')
        out_ += "&amp;";
      else if (c == '<')
        out_ += "&lt;";
      else if (c == '>')
        out_ += "&gt;";
      else if (c == '"')
        out_ += "&quot;";
      else if (byte < 0x20 && c != '\t')
        out_ += "\xEF\xBF\xBD";
      else
        out_ += c;
    }
    return *this;
  }
  Page& text(const Text& both) { return text(zh() ? both.zh : both.en); }
  Page& number(double value, const char* form = "%.0f") {
    char digits[40];
    std::snprintf(digits, sizeof digits, form, value);
    out_ += digits;
    return *this;
  }
  Page& say(const char* en, const char* chinese) { return text(zh() ? chinese : en); }
  bool zh() const { return language_ == Language::zh; }
  Page& element(const char* tag, const char* en, const char* chinese) {
    return raw("<").raw(tag).raw(">").say(en, chinese).raw("</").raw(tag).raw(">\n");
  }
  std::string take() { return std::move(out_); }

 private:
  const Language language_;
  std::string out_;
};

void write(const Evidence& evidence, Page& out) {
  out.raw("<li class=\"log\">");
  if (!evidence.metric.empty()) {
    out.text(evidence.metric).raw(" ").number(evidence.value, "%.10g");
  } else {
    out.text(evidence.time).raw(" ").text(evidence.node).raw(" ").text(evidence.text);
    if (!evidence.file.empty()) out.raw(" <span class=\"dim\">").text(evidence.file);
    if (!evidence.file.empty() && evidence.line != 0) out.raw(":").number(static_cast<double>(evidence.line));
    if (!evidence.file.empty()) out.raw("</span>");
  }
  out.raw("</li>\n");
}

void write(const std::vector<Evidence>& all, Page& out) {
  if (all.empty()) return;
  out.raw("<ul class=\"why\">\n");
  for (const Evidence& evidence : all) write(evidence, out);
  out.raw("</ul>\n");
}

void write(const std::vector<ChainLink>& chain, Page& out) {
  constexpr const char* kClasses[] = {"unknown", "good", "warning", "bad"};
  constexpr const char* kEnglish[] = {"? not known", "✓ good", "! attention", "✗ bad"};
  constexpr const char* kChinese[] = {"? 未知", "✓ 正常", "! 注意", "✗ 异常"};
  if (chain.empty()) return;
  out.raw("<ol class=\"chain\">\n");
  for (const ChainLink& link : chain) {
    const auto state = static_cast<size_t>(link.state);
    out.raw("<li class=\"")
        .raw(kClasses[state])
        .raw("\">")
        .text(link.title)
        .raw("<br><b>")
        .say(kEnglish[state], kChinese[state])
        .raw("</b><br>");
    out.text(link.says).raw("</li>\n");
  }
  out.raw("</ol>\n");
}

// A zone a row: what is free, the printed min as a line, and the one that it should have as a dashed one, all on one scale of its own.
void draw(const std::vector<ZoneMarks>& zones, Page& out) {
  constexpr int kRow = 34, kLeft = 130, kWidth = 560;
  if (zones.empty()) return;
  const int height = kRow * static_cast<int>(zones.size()) + 10;
  out.element("h2", "Zones against their watermarks", "内存区与水位线");
  out.raw("<div class=\"wide\"><svg role=\"img\" viewBox=\"0 0 820 ")
      .number(height)
      .raw("\" width=\"820\" height=\"")
      .number(height)
      .raw("\"><title>");
  out.say("Free pages of each zone against the min watermark that is printed and the one that is due",
          "各内存区的空闲页，以及实际与应有的 min 水位线")
      .raw("</title>\n");
  int y = 5;
  for (const ZoneMarks& zone : zones) {
    const double most = std::max({zone.free, zone.high * 2, zone.expected_min * 2, 1.0});
    const auto at = [&](double pages) { return kLeft + std::clamp(pages / most, 0.0, 1.0) * kWidth; };
    const auto line = [&](const char* kind, double pages) {
      out.raw("<line class=\"")
          .raw(kind)
          .raw("\" x1=\"")
          .number(at(pages))
          .raw("\" x2=\"")
          .number(at(pages))
          .raw("\" y1=\"")
          .number(y)
          .raw("\" y2=\"")
          .number(y + 24)
          .raw("\"/>");
    };
    out.raw("<text x=\"0\" y=\"")
        .number(y + 16)
        .raw("\">")
        .text(zone.numa_node.empty() ? zone.name : "NUMA " + zone.numa_node + " " + zone.name)
        .raw("</text>");
    out.raw("<rect class=\"free\" x=\"")
        .number(kLeft)
        .raw("\" y=\"")
        .number(y + 4)
        .raw("\" height=\"16\" width=\"")
        .number(at(zone.free) - kLeft)
        .raw("\"/>");
    line("mark", zone.min);
    if (zone.expected_min >= 0) line("due", zone.expected_min);
    out.raw("<text x=\"")
        .number(kLeft + kWidth + 8)
        .raw("\" y=\"")
        .number(y + 16)
        .raw("\">")
        .number(zone.present)
        .raw(zone.present == 0 ? " ✗" : "")
        .raw("</text>\n");
    y += kRow;
  }
  out.raw("</svg></div>\n<p class=\"dim\">");
  out.say(
      "Bar: free pages. Line: the min watermark as printed. Dashed: the one that the kernel's formula gives. Number: pages present; ✗: a "
      "zone without memory that manages some.",
      "条：空闲页。实线：实际 min 水位线。虚线：按内核公式应有的水位线。数字：实有页；✗：没有内存却计入页的内存区。");
  out.raw("</p>\n<div class=\"wide\"><table><tr>");
  for (const auto& [en, chinese] :
       {std::pair{"Zone", "内存区"}, {"present", "实有"}, {"managed", "管理"}, {"free", "空闲"}, {"min", "min"}, {"min due", "应有 min"}})
    out.element("th", en, chinese);
  out.raw("</tr>\n");
  for (const ZoneMarks& zone : zones) {
    out.raw("<tr><th scope=\"row\">").text(zone.numa_node.empty() ? zone.name : "NUMA " + zone.numa_node + " " + zone.name).raw("</th>");
    for (const double pages : {zone.present, zone.managed, zone.free, zone.min}) out.raw("<td>").number(pages).raw("</td>");
    out.raw("<td>");
    if (zone.expected_min >= 0) out.number(zone.expected_min);
    out.raw("</td></tr>\n");
  }
  out.raw("</table></div>\n");
}

// The seconds before the end, a tick for each line.
void draw(const Incident& incident, Page& out) {
  constexpr int kWidth = 780;
  if (incident.event_times.empty()) return;
  const int64_t first = incident.event_times.front(), last = std::max(incident.event_times.back(), incident.at_us);
  const double length = std::max<double>(static_cast<double>(last - first), 1);
  const auto x = [&](int64_t time_us) { return 10 + static_cast<double>(time_us - first) / length * kWidth; };
  out.raw("<svg role=\"img\" viewBox=\"0 0 800 50\" width=\"800\" height=\"50\"><title>")
      .say("Lines of the logs before and at the incident", "事件前后的日志行");
  out.raw("</title><line class=\"axis\" x1=\"10\" x2=\"790\" y1=\"25\" y2=\"25\"/>");
  for (const int64_t time_us : incident.event_times)
    out.raw("<line class=\"tick\" x1=\"")
        .number(x(time_us), "%.1f")
        .raw("\" x2=\"")
        .number(x(time_us), "%.1f")
        .raw("\" y1=\"17\" y2=\"33\"/>");
  if (incident.at_us >= first)
    out.raw("<line class=\"end\" x1=\"")
        .number(x(incident.at_us), "%.1f")
        .raw("\" x2=\"")
        .number(x(incident.at_us), "%.1f")
        .raw("\" y1=\"5\" y2=\"45\"/>");
  out.raw("</svg>\n<p class=\"dim\">").number(length / 1e6).raw(" s</p>\n");
}

void write(const Incident& incident, Page& out) {
  out.raw("<h3>").text(incident.at).raw(" ").text(incident.kind).raw("</h3>\n<p>").text(incident.says).raw("</p>\n");
  draw(incident, out);
  for (const Considered& considered : incident.causes) {
    out.raw("<h4>").text(considered.cause).raw("</h4>\n<ul class=\"why\">\n");
    for (const Reason& reason : considered.speaks_for) {
      out.raw("<li>+ ").text(reason.says);
      write(reason.evidence, out);
      out.raw("</li>\n");
    }
    for (const Reason& reason : considered.against) out.raw("<li>− ").text(reason.says).raw("</li>\n");
    for (const Text& text : considered.missing) out.raw("<li>? ").say("missing: ", "缺少：").text(text).raw("</li>\n");
    out.raw("</ul>\n");
  }
}

void write(const NodeReport& node, bool alone, Page& out) {
  out.raw("<section>\n");
  if (alone)
    out.raw("<h1>").text(node.verdict).raw("</h1>\n");
  else
    out.raw("<h2>").text(node.name).raw("</h2>\n<p>").text(node.verdict).raw("</p>\n");
  out.raw("<p class=\"dim\">").text(node.name).raw(" · ").say("stage ", "阶段 ").number(node.stage).raw(" · ").text(node.release);
  if (!node.product.empty()) out.raw(" · ").text(node.vendor).raw(" ").text(node.product);
  out.raw("</p>\n");
  write(node.chain, out);
  if (!node.incidents.empty()) out.element("h2", "What happened", "发生了什么");
  for (const Incident& incident : node.incidents) write(incident, out);
  if (!node.findings.empty()) out.element("h2", "Findings", "发现");
  for (const Finding& finding : node.findings) {
    out.raw("<h3>")
        .text(finding.id)
        .raw(" <span class=\"dim\">")
        .text(name(finding.severity))
        .raw("</span></h3>\n<p>")
        .text(finding.says)
        .raw("</p>\n");
    if (!finding.advice.en.empty()) out.raw("<p>→ ").text(finding.advice).raw("</p>\n");
    write(finding.evidence, out);
  }
  draw(node.zones, out);
  if (!node.unread.empty()) out.element("h2", "Could not be read", "无法读取").raw("<ul>\n");
  for (const Unread& unread : node.unread) out.raw("<li>").text(unread.file).raw(": ").text(unread.reason).raw("</li>\n");
  if (!node.unread.empty()) out.raw("</ul>\n");
  out.raw("</section>\n");
}

void write_timeline(const Report& report, bool live, Page& out) {
  constexpr size_t kLast = 20;
  if (report.timeline.empty()) return;
  out.element("h2", live ? "The last events" : "Timeline", live ? "最近事件" : "时间线").raw("<div class=\"wide\"><table>\n");
  const size_t from = live && report.timeline.size() > kLast ? report.timeline.size() - kLast : 0;
  for (size_t i = from; i < report.timeline.size(); ++i) {
    const TimelineEntry& entry = report.timeline[i];
    out.raw("<tr><td class=\"log\">")
        .text(entry.at)
        .raw("</td><td>")
        .text(entry.node)
        .raw("</td><td>")
        .text(entry.event)
        .raw("</td><td class=\"log\">")
        .text(entry.text);
    if (entry.repeated > 1) out.raw(" (×").number(entry.repeated).raw(")");
    out.raw("</td></tr>\n");
  }
  out.raw("</table></div>\n");
}

void write(const LivePage& live, Page& out) {
  out.element("h2", "What is watched", "监视内容").raw("<div class=\"wide\"><table>\n");
  for (const LivePage::Watched& each : live.watched)
    out.raw("<tr class=\"")
        .raw(each.good ? "good" : "bad")
        .raw("\"><th scope=\"row\">")
        .text(each.collector)
        .raw("</th><td><b>")
        .text(each.state)
        .raw("</b></td><td>")
        .text(each.summary)
        .raw("</td></tr>\n");
  out.raw("</table></div>\n<p class=\"dim\">")
      .say("Values collected ", "数据采集于 ")
      .text(live.collected_at)
      .raw(", ")
      .number(live.age_seconds)
      .say(" s ago.", " 秒前。");
  out.raw(" fencewatch ")
      .text(live.version)
      .raw("</p>\n<p><a href=\"")
      .text(live.metrics_path)
      .raw("\">Metrics</a> · <a href=\"/api/v1/status\">JSON</a> · <a href=\"/?lang=");
  out.raw(out.zh() ? "en\">English" : "zh\">中文")
      .raw("</a> · <a href=\"https://github.com/fencewatch/fencewatch\">")
      .say("Documentation", "文档")
      .raw("</a></p>\n");
}

}  // namespace

std::string_view html_style() { return kStyle; }

std::string to_html(const Report& report, Language language, const LivePage* live) {
  Page out(language);
  out.raw("<!DOCTYPE html>\n<html lang=\"")
      .raw(out.zh() ? "zh" : "en")
      .raw("\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n");
  if (live != nullptr) out.raw("<meta http-equiv=\"refresh\" content=\"15\">\n");
  std::vector<const NodeReport*> nodes;  // the worst first
  for (const NodeReport& node : report.nodes) nodes.push_back(&node);
  std::ranges::stable_sort(nodes, std::ranges::greater{}, &NodeReport::stage);
  out.raw("<title>fencewatch");
  for (const NodeReport* node : nodes) out.raw(" ").text(node->name);
  out.raw("</title>\n<style>").raw(kStyle).raw("</style>\n</head>\n<body>\n<main>\n");
  if (nodes.size() > 1) {
    out.raw("<h1>").text(nodes.front()->verdict).raw("</h1>\n<p>");
    out.say(report.same_model ? "All of one model. " : "", report.same_model ? "同一型号。" : "")
        .say(report.same_kernel ? "All of one kernel." : "", report.same_kernel ? "内核相同。" : "")
        .raw("</p>\n");
  }
  for (const NodeReport* node : nodes) write(*node, nodes.size() == 1, out);
  write_timeline(report, live != nullptr, out);
  if (live != nullptr) write(*live, out);
  out.raw("</main>\n</body>\n</html>\n");
  return out.take();
}

}  // namespace fencewatch
