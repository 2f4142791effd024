// The live node as the exporter sees it: diagnosed from what was collected last and what the logs told since it began.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "exporter/collect/runner.h"
#include "exporter/report/facts.h"
#include "exporter/report/findings.h"
#include "exporter/report/to_html.h"
#include "exporter/web/status_source.h"

namespace fencewatch {

struct Settings;

// All of it may be called by several threads at once.
class LiveStatus final : public StatusSource {
 public:
  static constexpr size_t kMostEvents = 200;  // the last are kept

  // All must outlive it, and it the reader of logs.
  LiveStatus(const Settings& settings, const Runner& runner, const Node& node, const Rules& rules);

  // For open_logs(): hears what the collector does. Before the reader starts.
  Collector& listen(Collector& collector);

  std::string page(bool chinese) const override;
  std::string json() const override;
  std::string_view style() const override { return html_style(); }

 private:
  Report report(Runner::Clock::time_point& collected) const;

  const Settings& settings_;
  const Runner& runner_;
  const Rules& rules_;
  Facts node_;  // what does not change: its name, its configuration
  std::vector<std::unique_ptr<Collector>> ears_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
};

}  // namespace fencewatch
