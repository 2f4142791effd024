#include "exporter/diagnose/live_status.h"

#include <fcntl.h>

#include <chrono>
#include <utility>

#include "exporter/base/settings.h"
#include "exporter/diagnose/configuration.h"
#include "exporter/diagnose/diagnose.h"
#include "exporter/diagnose/event_listener.h"
#include "exporter/diagnose/read_node.h"
#include "exporter/node/host_clock.h"
#include "exporter/report/to_json.h"

namespace fencewatch {
namespace {

constexpr size_t kLongestText = 512;

std::string state_of(const Runner::Info& info) {
  if (info.running) return "running";
  if (info.up) return "up";
  if (info.last.code == Code::missing) return "nothing to read";
  if (info.last) return "not collected yet";
  std::string text = "down: ";
  text += name(info.last.code);
  if (!info.last.file.empty()) text.append(" ").append(info.last.file);
  if (info.last.line != 0) text.append(" line ").append(std::to_string(info.last.line));
  if (!info.last.text.empty()) text.append(": ").append(info.last.text);
  return text;
}

}  // namespace

LiveStatus::LiveStatus(const Settings& settings, const Runner& runner, const Node& node, const Rules& rules)
    : settings_(settings), runner_(runner), rules_(rules) {
  const std::string& root = settings.paths.rootfs;
  node_.node = name_of(node, root);
  node_.zone = HostZone(std::make_shared<const Fd>(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))).get();
  read_configuration(node, node_);
}

Collector& LiveStatus::listen(Collector& collector) {
  return *ears_.emplace_back(listening_with(collector, [this](const Match& match, const Pattern& pattern) {
    if (pattern.event.empty()) return;
    Event event{.time_us = match.line.time_us,
                .name = pattern.event,
                .channel = match.line.channel,
                .repeated = match.line.repeated,
                .file = {},
                .line = 0,
                .text = std::string(match.line.text.substr(0, kLongestText)),
                .fields = named_groups(pattern.fields, match.groups)};
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    if (events_.size() > kMostEvents) events_.pop_front();
  }));
}

Report LiveStatus::report(Runner::Clock::time_point& collected) const {
  Facts facts = node_;
  Bytes text;
  collected = runner_.last(text);
  facts.samples.parse(text.view());
  {
    const std::lock_guard lock(mutex_);
    facts.events.assign(events_.begin(), events_.end());
  }
  // It is alive: what it said last is no sign of its end.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  facts.life.push_back({now_us, now_us, 0, 0});
  return diagnose(std::span(&facts, 1), rules_);
}

std::string LiveStatus::json() const {
  Runner::Clock::time_point collected;
  return to_json(report(collected));
}

std::string LiveStatus::page(bool chinese) const {
  Runner::Clock::time_point collected;
  const Report all = report(collected);
  LivePage live;
  live.version = FENCEWATCH_VERSION;
  live.metrics_path = settings_.telemetry_path;
  live.age_seconds = std::chrono::duration<double>(Runner::Clock::now() - collected).count();
  const auto at =
      std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::microseconds>(Runner::Clock::now() - collected);
  live.collected_at = iso_time(node_.zone, std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count());
  for (const Runner::Info& info : runner_.info()) {
    const bool idle = info.last.code == Code::missing;
    live.watched.push_back(
        {std::string(info.spec->name), state_of(info), std::string(info.spec->summary), info.up || idle || info.running});
  }
  return to_html(all, chinese ? Language::zh : Language::en, &live);
}

}  // namespace fencewatch
