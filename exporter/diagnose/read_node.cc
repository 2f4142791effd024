#include "exporter/diagnose/read_node.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include "exporter/base/scan.h"
#include "exporter/collect/runner.h"
#include "exporter/diagnose/event_log.h"
#include "exporter/logs/log_sources.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/reader.h"
#include "exporter/logs/sources/archive.h"
#include "exporter/node/node.h"
#include "exporter/node/resolve.h"

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

std::string name_of(const Node& node, const std::string& root) {
  Bytes text;
  for (const std::string_view path : kHostnames)
    if (node.read(path, text) && !first_word(text).empty()) return short_name(first_word(text));
  const std::string path = root.substr(0, root.find_last_not_of('/') + 1);
  return short_name(path.substr(path.rfind('/') + 1));
}

// "192.0.2.2-2023-02-20-16:56:52" of kdump, "202302201656" of Debian's: the local time of the crash. 0: it is none.
int64_t time_in(std::string_view directory) {
  std::tm local{};
  local.tm_isdst = -1;
  const auto number = [](std::string_view digits, int& out) { return scan::number(digits, out); };
  if (directory.size() >= 19) {
    const std::string_view stamp = directory.substr(directory.size() - 19);
    int year = 0, month = 0;
    if (!number(stamp.substr(0, 4), year) || !number(stamp.substr(5, 2), month) || !number(stamp.substr(8, 2), local.tm_mday) ||
        !number(stamp.substr(11, 2), local.tm_hour) || !number(stamp.substr(14, 2), local.tm_min) || !number(stamp.substr(17, 2), local.tm_sec))
      return 0;
    local.tm_year = year - 1900;
    local.tm_mon = month - 1;
  } else if (directory.size() == 12) {
    int year = 0, month = 0;
    if (!number(directory.substr(0, 4), year) || !number(directory.substr(4, 2), month) || !number(directory.substr(6, 2), local.tm_mday) ||
        !number(directory.substr(8, 2), local.tm_hour) || !number(directory.substr(10, 2), local.tm_min))
      return 0;
    local.tm_year = year - 1900;
    local.tm_mon = month - 1;
  } else {
    return 0;
  }
  const std::time_t seconds = std::mktime(&local);
  return seconds == -1 ? 0 : int64_t{seconds} * 1'000'000;
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

// What a kernel that crashed left behind: var/crash/*/vmcore-dmesg.txt, pstore.
void read_crashes(const Node& node, const std::string& root, std::span<Collector* const> listeners, EventLog& log) {
  const Fd top(open_plainly(AT_FDCWD, root.empty() ? "/" : root, O_PATH | O_DIRECTORY));
  Matcher matcher(listeners);
  IntoMatcher sink(matcher, log);
  Names crashes, files;
  if (!node.list("var/crash", crashes)) return;
  for (const std::string& crash : crashes) {
    const std::string directory = "var/crash/" + crash;
    if (!node.list(directory, files)) continue;
    for (const std::string& file : files) {
      if (file.find("dmesg") == file.npos || file.starts_with("kexec")) continue;
      log.assume_time(time_in(crash));
      Archive archive(top.get(), file, {directory + "/" + file}, Archive::Format::dmesg);
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

NodeFacts read_node(std::span<const Spec* const> collectors, Settings settings) {
  settings.mode = Settings::Mode::once;
  settings.exporter_metrics = false;
  settings.enabled.assign(collectors.size(), true);
  NodeFacts out;
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
  LogReader reader({.sources = log.watched(log_sources(settings)), .boot = {}, .state_directory = {}}, std::move(listeners));
  reader.read_all();
  const std::string& root = settings.paths.rootfs;
  read_crashes(*node, root, plain, log);
  out.facts.node = name_of(*node, root);
  runner.start();
  Bytes text;
  runner.scrape(runner.all(), Format::text, Runner::Clock::now() + kCollect, text);
  out.facts.samples.parse(text);
  note_failures(runner, out.unread);
  log.give(out.facts);
  out.source = root;
  return out;
}

}  // namespace fencewatch
