// The report as one HTML page with nothing from elsewhere: diagnose --format=html, and the status page of the exporter.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/report/report.h"
#include "exporter/report/to_text.h"

namespace fencewatch {

// What the status page has beside the report.
struct LivePage {
  struct Watched {
    std::string collector, state, summary;
    bool good = false;
  };
  std::string version, metrics_path, collected_at;
  double age_seconds = 0;  // of the values
  std::vector<Watched> watched;
};

// `live` null: a report of what was. No script; the only style is html_style().
std::string to_html(const Report& report, Language language, const LivePage* live = nullptr);

// What stands in its <style>, for the hash of a Content-Security-Policy.
std::string_view html_style();

}  // namespace fencewatch
