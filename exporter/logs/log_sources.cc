#include "exporter/logs/log_sources.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/settings.h"
#include "exporter/logs/sources/archive.h"
#include "exporter/logs/sources/journal.h"
#include "exporter/logs/sources/kmsg.h"
#include "exporter/logs/sources/tail.h"
#include "exporter/node/host_clock.h"
#include "exporter/node/resolve.h"

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

std::unique_ptr<Source> make_archive(const std::shared_ptr<Fd>& root, const std::string& name, int64_t reported_us) {
  if (name == kSosDmesg)
    return std::make_unique<Archive>(root, name, existing(root->get(), kSosDmesgs), reported_us, Archive::Format::dmesg);
  std::vector<std::string> files;
  if (name == kSosJournal) {
    for (const auto& candidates : kSosJournals)
      for (std::string& file : existing(root->get(), candidates)) files.push_back(std::move(file));
  } else {
    files = with_predecessors(root->get(), name.substr(1));
  }
  return std::make_unique<Archive>(root, name, std::move(files), reported_us);
}

std::unique_ptr<Source> make_plain(const std::shared_ptr<Fd>& root, Channel channel, const std::string& path, bool once, bool from_start) {
  if (!once) return std::make_unique<Tail>(path, TailOptions{.root = root, .plain = channel, .from_start = from_start});
  std::vector<std::string> files = with_predecessors(root->get(), path.substr(1));
  return std::make_unique<Archive>(root, path, std::move(files), 0, Archive::Format::plain, channel);
}

}  // namespace

std::string boot_id_path(const Settings& settings) { return settings.paths.procfs + "/sys/kernel/random/boot_id"; }

// Below another root the directory of that machine's id: those beside it hold what containers said.
std::string journal_directory(const Settings& settings) {
  const std::string root = without_slash(settings.paths.rootfs);
  if (!settings.journal_dir.empty() || root.empty()) return settings.journal_dir;
  std::string id;
  std::getline(std::ifstream(root + "/etc/machine-id"), id);
  for (const char* place : {"/var/log/journal/", "/run/log/journal/"}) {
    std::string directory = root;
    directory.append(place).append(id);
    if (!id.empty() && access(directory.c_str(), F_OK) == 0) return directory;
  }
  return root + "/var/log/journal";
}

LogSources log_sources(const Settings& settings) {
  const bool once = settings.mode == Settings::Mode::once;
  LogSources sources;
  sources.order = usual(once);
  std::map<std::string, Channel> plain;
  for (const CustomRule& rule : settings.custom_rules) {
    if (rule.file.empty()) continue;
    const std::string name = std::string(kPlain) + rule.file;
    plain.emplace(name, rule.channel);
    sources.order[static_cast<size_t>(rule.channel)] = {name};
  }
  for (size_t i = 0; i < kChannels; ++i)
    if (!settings.log_sources[i].empty()) sources.order[i] = settings.log_sources[i];
  const std::string root_path = without_slash(settings.paths.rootfs);
  const auto root = std::make_shared<Fd>(open((root_path + "/").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  sources.oldest = once;
  const int64_t reported_us = once && root ? report_time_us(root->get(), settings.paths.procfs) : 0;
  sources.make = [=, plain = std::move(plain), journal = journal_directory(settings), boot_id = boot_id_path(settings),
                  from_start = settings.log_from_start](const std::string& name) -> std::unique_ptr<Source> {
    if (name == kKmsg) return std::make_unique<Kmsg>(root_path + "/dev/kmsg", boot_id);
    if (name == "journal") return std::make_unique<Journal>(journal, boot_id);
    const auto channel = plain.find(name);
    if (channel != plain.end()) return make_plain(root, channel->second, name.substr(kPlain.size()), once, from_start);
    if (once) return make_archive(root, name, reported_us);
    return std::make_unique<Tail>(name, TailOptions{.root = root, .from_start = from_start});
  };
  return sources;
}

}  // namespace fencewatch
