#include "exporter/logs/open_logs.h"

#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/settings.h"
#include "exporter/collect/runner.h"
#include "exporter/logs/log_sources.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/sources/boot_id.h"

namespace fencewatch {
namespace {

Boot this_boot(const std::string& boot_id_path) {
  Boot boot;
  (void)read_boot_id(boot_id_path, boot.id);  // without one, nothing is ever of another boot
  timespec wall{}, up{};
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_BOOTTIME, &up);
  boot.start_us = (wall.tv_sec - up.tv_sec) * 1'000'000 + (wall.tv_nsec - up.tv_nsec) / 1000;
  return boot;
}

}  // namespace

std::unique_ptr<LogReader> open_logs(const Settings& settings, Runner& runner, const Listening& listening) {
  std::vector<LogReader::Listener> listeners;
  std::vector<Collector*> collectors;
  std::vector<size_t> indexes;  // in the Runner, beside these
  for (size_t i = 0; i < runner.enabled().size(); ++i) {
    if (runner.collector(i).patterns().empty()) continue;
    Collector& collector = listening ? listening(runner.collector(i)) : runner.collector(i);
    listeners.push_back({runner.enabled()[i]->name, &collector});
    collectors.push_back(&collector);
    indexes.push_back(i);
  }
  if (listeners.empty()) return nullptr;
  if (settings.mode == Settings::Mode::check) {
    const Matcher throws_what_is_wrong(collectors);
    return nullptr;
  }
  const bool once = settings.mode == Settings::Mode::once;
  auto reader = std::make_unique<LogReader>(
      LogReader::Setup{.sources = log_sources(settings),
                       .boot = this_boot(boot_id_path(settings)),
                       .state_directory = once ? "" : settings.state_dir,
                       .fault = [&runner, indexes](size_t i, Code code, bool all) { runner.log_fault(indexes[i], code, all); }},
      std::move(listeners));
  runner.also([&reader = *reader](Page& page) { reader.write(page); });
  return reader;
}

}  // namespace fencewatch
