#include "exporter/web/status_page.h"

#include "exporter/base/settings.h"
#include "exporter/collect/runner.h"
#include "exporter/web/negotiate.h"

namespace fencewatch {
namespace {

std::string state(const Runner::Info& info) {
  if (info.running) return "running";
  if (info.up) return "up";
  if (info.last.code == Code::missing) return "nothing to read";
  if (info.last) return "not collected yet";
  std::string text = "down: ";
  text += name(info.last.code);
  if (!info.last.file.empty()) text += " ", text += info.last.file;
  if (info.last.line != 0) text += " line " + std::to_string(info.last.line);
  if (!info.last.text.empty()) text += ": ", text += info.last.text;
  return text;
}

}  // namespace

std::string landing_page(const Settings& settings, const Runner& runner, std::string_view version, std::string_view revision) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>fencewatch</title></head>\n<body>\n"
      "<h1>fencewatch</h1>\n<p>Prometheus exporter that tells that an HA node is about to be fenced, and why.</p>\n<p>Version ";
  negotiate::append_html(out, version);
  out += ", revision ";
  negotiate::append_html(out, revision);
  out += "</p>\n<ul>\n<li><a href=\"";
  negotiate::append_html(out, settings.telemetry_path);
  out +=
      "\">Metrics</a></li>\n<li><a href=\"/-/healthy\">Healthy</a></li>\n<li><a href=\"/-/ready\">Ready</a></li>\n</ul>\n"
      "<table>\n<tr><th>Collector</th><th>State</th><th>What it watches</th></tr>\n";
  for (const Runner::Info& info : runner.info()) {
    out += "<tr><td>";
    negotiate::append_html(out, info.spec->name);
    out += "</td><td>";
    negotiate::append_html(out, state(info));
    out += "</td><td>";
    negotiate::append_html(out, info.spec->summary);
    out += "</td></tr>\n";
  }
  out += "</table>\n</body>\n</html>\n";
  return out;
}

}  // namespace fencewatch
