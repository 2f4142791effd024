#include "exporter/logs/open_logs.h"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exporter/config/config.h"
#include "exporter/logs/sources/archive.h"
#include "exporter/logs/sources/boot_id.h"
#include "exporter/logs/sources/journal.h"
#include "exporter/logs/sources/kmsg.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/sources/tail.h"
#include "exporter/node/resolve.h"
#include "exporter/collect/runner.h"

namespace fencewatch {
namespace {

using Order = std::array<std::vector<std::string>, kAllChannels>;

// What sosreport keeps of the journal and of the kernel's ring (sos/report/plugins/{logs,kernel}.py); the newer spelling first.
constexpr const char* kSosJournal = "sos_commands/logs/journalctl";
constexpr const char* kSosDmesg = "sos_commands/kernel/dmesg";
constexpr const char* kSosJournals[][2] = {
    {"sos_commands/logs/journalctl_--no-pager_--boot_-1", "sos_commands/logs/journalctl_--no-pager_--catalog_--boot_-1"},
    {"sos_commands/logs/journalctl_--no-pager_--boot", "sos_commands/logs/journalctl_--no-pager_--catalog_--boot"},
};
constexpr const char* kSosDmesgs[] = {"sos_commands/kernel/dmesg", "sos_commands/kernel/dmesg_-T", "sos_commands/general/dmesg",
                                      "var/log/dmesg"};

Order usual(bool once) {
  const std::vector<std::string> syslog = {"/var/log/syslog", "/var/log/messages"};
  const auto behind = [&](std::vector<std::string> own) {
    own.emplace_back("journal");
    own.insert(own.end(), syslog.begin(), syslog.end());
    if (once) own.emplace_back(kSosJournal);
    return own;
  };
  Order order;
  auto& kernel = order[static_cast<size_t>(Channel::kernel)];
  kernel = behind({});
  kernel.emplace_back("/var/log/kern.log");
  // The ring of the running kernel is the quickest to tell, but remembers the least.
  kernel.emplace(once ? kernel.end() : kernel.begin(), kKmsg);
  if (once) kernel.emplace_back(kSosDmesg);
  order[static_cast<size_t>(Channel::corosync)] = behind({"/var/log/cluster/corosync.log", "/var/log/corosync/corosync.log"});
  order[static_cast<size_t>(Channel::pacemaker)] = behind({"/var/log/pacemaker/pacemaker.log", "/var/log/pacemaker.log"});
  order[static_cast<size_t>(Channel::sbd)] = behind({});
  return order;
}

std::string without_slash(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path;
}

std::vector<std::string> existing(int root, std::span<const char* const> candidates) {
  for (const char* candidate : candidates)
    if (open_in_root(root, candidate, O_PATH)) return {candidate};
  return {};
}

std::unique_ptr<Source> make_archive(int root, const std::string& name) {
  if (name == kSosDmesg) return std::make_unique<Archive>(root, name, existing(root, kSosDmesgs), Archive::Format::dmesg);
  std::vector<std::string> files;
  if (name == kSosJournal) {
    for (const auto& candidates : kSosJournals)
      for (std::string& file : existing(root, candidates)) files.push_back(std::move(file));
  } else {
    files = with_predecessors(root, name.substr(1));
  }
  return std::make_unique<Archive>(root, name, std::move(files));
}

std::unique_ptr<Source> make_plain(const std::shared_ptr<Fd>& root, Channel channel, const std::string& path, bool once, bool from_start) {
  if (!once) return std::make_unique<Tail>(path, TailOptions{.root = root, .plain = channel, .from_start = from_start});
  std::vector<std::string> files = with_predecessors(root->get(), path.substr(1));
  return std::make_unique<Archive>(root->get(), path, std::move(files), Archive::Format::plain, channel);
}

Boot this_boot(const std::string& boot_id_path) {
  Boot boot;
  (void)read_boot_id(boot_id_path, boot.id);  // without one, nothing is ever of another boot
  timespec wall{}, up{};
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_BOOTTIME, &up);
  boot.start_us = (wall.tv_sec - up.tv_sec) * 1'000'000 + (wall.tv_nsec - up.tv_nsec) / 1000;
  return boot;
}

std::string boot_id_path(const Config& config) { return config.paths.procfs + "/sys/kernel/random/boot_id"; }

}  // namespace

// Below another root the directory of that machine's id: those beside it hold what containers said.
std::string journal_directory(const Config& config) {
  const std::string root = without_slash(config.paths.rootfs);
  if (!config.journal_dir.empty() || root.empty()) return config.journal_dir;
  std::string id;
  std::getline(std::ifstream(root + "/etc/machine-id"), id);
  for (const char* place : {"/var/log/journal/", "/run/log/journal/"}) {
    std::string directory = root;
    directory.append(place).append(id);
    if (!id.empty() && access(directory.c_str(), F_OK) == 0) return directory;
  }
  return root + "/var/log/journal";
}

LogSources log_sources(const Config& config) {
  const bool once = config.mode == Config::Mode::once;
  LogSources sources;
  sources.order = usual(once);
  std::map<std::string, Channel> plain;
  for (const CustomRule& rule : config.custom_rules) {
    if (rule.file.empty()) continue;
    const std::string name = std::string(kPlain) + rule.file;
    plain.emplace(name, rule.channel);
    sources.order[static_cast<size_t>(rule.channel)] = {name};
  }
  for (size_t i = 0; i < kChannels; ++i)
    if (!config.log_sources[i].empty()) sources.order[i] = config.log_sources[i];
  const std::string root_path = without_slash(config.paths.rootfs);
  const auto root = std::make_shared<Fd>(open((root_path + "/").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  sources.oldest = once;
  sources.make = [=, plain = std::move(plain), journal = journal_directory(config), boot_id = boot_id_path(config),
                  from_start = config.log_from_start](const std::string& name) -> std::unique_ptr<Source> {
    if (name == kKmsg) return std::make_unique<Kmsg>(root_path + "/dev/kmsg", boot_id);
    if (name == "journal") return std::make_unique<Journal>(journal, boot_id);
    const auto channel = plain.find(name);
    if (channel != plain.end()) return make_plain(root, channel->second, name.substr(kPlain.size()), once, from_start);
    if (once) return make_archive(root->get(), name);
    return std::make_unique<Tail>(name, TailOptions{.root = root, .from_start = from_start});
  };
  return sources;
}

std::unique_ptr<LogReader> open_logs(const Config& config, Runner& runner) {
  std::vector<LogReader::Listener> listeners;
  std::vector<Collector*> collectors;
  for (size_t i = 0; i < runner.enabled().size(); ++i) {
    Collector& collector = runner.collector(i);
    if (collector.patterns().empty()) continue;
    listeners.push_back({runner.enabled()[i]->name, &collector});
    collectors.push_back(&collector);
  }
  if (listeners.empty()) return nullptr;
  if (config.mode == Config::Mode::check) {
    const Matcher throws_what_is_wrong(collectors);
    return nullptr;
  }
  const bool once = config.mode == Config::Mode::once;
  auto reader = std::make_unique<LogReader>(
      LogReader::Setup{
          .sources = log_sources(config), .boot = this_boot(boot_id_path(config)), .state_directory = once ? "" : config.state_dir},
      std::move(listeners));
  runner.also([&reader = *reader](Page& page) { reader.write(page); });
  return reader;
}

}  // namespace fencewatch
