#include "exporter/diagnose/read_node.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include "exporter/base/fd.h"
#include "exporter/base/scan.h"
#include "exporter/collect/runner.h"
#include "exporter/diagnose/configuration.h"
#include "exporter/diagnose/event_log.h"
#include "exporter/logs/log_sources.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/reader.h"
#include "exporter/logs/sources/archive.h"
#include "exporter/node/host_clock.h"
#include "exporter/node/node.h"

namespace fencewatch {
namespace {

constexpr std::chrono::seconds kCollect{30};
constexpr std::string_view kHostnames[] = {"etc/hostname", "sos_commands/host/hostname", "sos_commands/general/hostname",
                                           "proc/sys/kernel/hostname"};

std::string first_word(std::string_view text) {
  std::string_view line;
  if (!scan::next_line(text, line)) return {};
  return std::string(scan::next_word(line));
}

// Without its domain: that is how the cluster calls it.
std::string short_name(std::string name) {
  const size_t dot = name.find('.');
  if (dot != name.npos && name.find_first_not_of("0123456789.") != name.npos) name.resize(dot);
  return name;
}

// "192.0.2.2-2023-02-20-16:56:52" of kdump, "202302201656" of Debian's: the local time of the crash. 0: it is none.
int64_t time_in(std::string_view directory, const TimeZone& zone) {
  std::string digits;
  const size_t at = directory.size() >= 19 ? directory.size() - 19 : 0;
  for (const char c : directory.substr(at))
    if (c >= '0' && c <= '9') digits += c;
  if (digits.size() == 12) digits += "00";
  std::tm local{};
  const std::string_view all = digits;
  if (all.size() != 14 || !scan::number(all.substr(0, 4), local.tm_year) || !scan::number(all.substr(4, 2), local.tm_mon) ||
      !scan::number(all.substr(6, 2), local.tm_mday) || !scan::number(all.substr(8, 2), local.tm_hour) ||
      !scan::number(all.substr(10, 2), local.tm_min) || !scan::number(all.substr(12, 2), local.tm_sec))
    return 0;
  local.tm_year -= 1900;
  local.tm_mon -= 1;
  return zone.utc(timegm(&local)).earlier * 1'000'000;
}

class IntoMatcher final : public Sink {
 public:
  IntoMatcher(Matcher& matcher, EventLog& log) : matcher_(matcher), log_(log) {}
  void line(const Line& line) override {
    log_.take_line(line);
    if (matcher_.find(line) > 0) matcher_.tell(line);
  }
  void lost(Channel, std::string_view, uint64_t) override {}

 private:
  Matcher& matcher_;
  EventLog& log_;
};

// What a kernel that crashed left behind: var/crash/*/vmcore-dmesg.txt.
void read_crashes(const Node& node, const std::shared_ptr<const Fd>& root, std::span<Collector* const> listeners, const TimeZone& zone,
                  EventLog& log) {
  Matcher matcher(listeners);
  IntoMatcher sink(matcher, log);
  Names crashes, files;
  if (!node.list("var/crash", crashes)) return;
  for (const std::string& crash : crashes) {
    const std::string directory = "var/crash/" + crash;
    if (!node.list(directory, files)) continue;
    log.assume_time(time_in(crash, zone));
    for (const std::string& file : files) {
      if (file.find("dmesg") == file.npos || file.starts_with("kexec")) continue;
      Archive archive(root, file, {std::string(directory).append("/").append(file)}, 0, Archive::Format::dmesg);
      bool more = static_cast<bool>(archive.open(""));
      while (more && archive.read(sink, 1000, more)) {
      }
    }
  }
  log.assume_time(0);
}

void note_failures(const Runner& runner, std::vector<Unread>& unread) {
  for (const Runner::Info& info : runner.info()) {
    if (info.up || !info.available) continue;
    std::string reason(info.last.text.empty() ? name(info.last.code) : info.last.text);
    if (info.last.line != 0) reason += ", line " + std::to_string(info.last.line);
    unread.push_back({std::string(info.last.file.empty() ? info.spec->name : info.last.file), std::move(reason)});
  }
}

}  // namespace

std::string name_of(const Node& node, const std::string& root) {
  Bytes text;
  for (const std::string_view path : kHostnames)
    if (node.read(path, text) && !first_word(text.view()).empty()) return short_name(first_word(text.view()));
  const std::string path = root.substr(0, root.find_last_not_of('/') + 1);
  return short_name(path.substr(path.rfind('/') + 1));
}

Facts read_node(std::span<const Spec* const> collectors, Settings settings) {
  settings.mode = Settings::Mode::once;
  settings.exporter_metrics = false;
  settings.enabled.assign(collectors.size(), true);
  Status opened;  // a tree of logs has neither proc nor sys
  const std::unique_ptr<Node> node = open_node(settings.paths, opened);
  Runner runner(collectors, settings, *node);
  EventLog log;
  std::vector<std::unique_ptr<Collector>> ears;
  std::vector<LogReader::Listener> listeners;
  std::vector<Collector*> plain;
  for (size_t i = 0; i < runner.enabled().size(); ++i) {
    ears.push_back(log.listen(runner.collector(i)));
    if (ears.back()->patterns().empty()) continue;
    listeners.push_back({runner.enabled()[i]->name, ears.back().get()});
    plain.push_back(ears.back().get());
  }
  LogReader::Setup setup;
  setup.sources = log.watched(log_sources(settings));
  LogReader(std::move(setup), std::move(listeners)).read_all();
  const std::string& path = settings.paths.rootfs;
  const auto root = std::make_shared<const Fd>(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Facts facts;
  facts.zone = HostZone(root).get();
  read_crashes(*node, root, plain, facts.zone, log);
  facts.node = name_of(*node, path);
  facts.source = path == "/" ? "" : path;
  read_configuration(*node, facts);
  runner.start();
  Bytes text;
  runner.scrape(runner.all(), Format::text, Runner::Clock::now() + kCollect, text);
  facts.samples.parse(text.view());
  note_failures(runner, facts.unread);
  log.give(facts);
  return facts;
}

}  // namespace fencewatch
