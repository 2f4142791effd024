#include "exporter/logs/log_sources.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/scan.h"
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
  order[static_cast<size_t>(Channel::sbd)] = order[static_cast<size_t>(Channel::host)] = behind({});
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

// Empty where it is not there, or a link leads out of the root.
std::string in_procfs(const Settings& settings, const std::string& path) {
  const auto below = below_root(settings.paths.rootfs, settings.paths.procfs);
  return below ? path_in_root(settings.paths.rootfs, std::string(*below) + "/" + path) : settings.paths.procfs + "/" + path;
}

// The value behind `key` and one of `marks`, in lines such as "  logfile: /var/log/cluster/corosync.log" of corosync.conf(5) and
// "PCMK_logfile=/var/log/pacemaker.log"; a comment is none. The last counts.
std::string configured(int root, const char* file, std::string_view key, char mark) {
  std::string text, value;
  Fd fd = open_in_root(root, file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  char buffer[64 << 10];
  const ssize_t size = fd ? read(fd.get(), buffer, sizeof buffer) : -1;
  std::string_view rest(buffer, size > 0 ? static_cast<size_t>(size) : 0), line;
  while (scan::next_line(rest, line)) {
    line = scan::trim_left(line);
    if (line.starts_with("export ")) line = scan::trim_left(line.substr(7));
    if (!line.starts_with(key)) continue;
    line = scan::trim_left(line.substr(key.size()));
    if (!line.starts_with(mark)) continue;
    value = scan::trim_left(line.substr(1));
    while (!value.empty() && (scan::blank(value.back()) || value.back() == '\r' || value.back() == '"' || value.back() == '\''))
      value.pop_back();
    if (value.starts_with('"') || value.starts_with('\'')) value.erase(0, 1);
  }
  return value.starts_with('/') && value != "/dev/null" ? value : std::string();
}

void put_first(std::vector<std::string>& order, const std::string& source) {
  if (source.empty()) return;
  std::erase(order, source);
  order.insert(order.begin(), source);
}

// Where the daemons were told to log. pacemaker 1.1 writes into corosync's file as well, or moves there from its own after two lines.
void follow_configuration(int root, Order& order) {
  auto& corosync = order[static_cast<size_t>(Channel::corosync)];
  auto& pacemaker = order[static_cast<size_t>(Channel::pacemaker)];
  const std::string logfile = configured(root, "etc/corosync/corosync.conf", "logfile", ':');
  put_first(corosync, logfile);
  for (const char* file : {"etc/default/pacemaker", "etc/sysconfig/pacemaker"})
    put_first(pacemaker, configured(root, file, "PCMK_logfile", '='));
  const auto own = std::find(pacemaker.begin(), pacemaker.end(), "journal");
  std::vector<std::string> shared(corosync.begin(), std::find(corosync.begin(), corosync.end(), "journal"));
  std::erase_if(shared, [&](const std::string& path) { return std::find(pacemaker.begin(), pacemaker.end(), path) != pacemaker.end(); });
  pacemaker.insert(own, shared.begin(), shared.end());
}

// Whether the machine has what would speak in the channel, so that a log that cannot be read is missed.
bool has_speaker(int root, Channel channel) {
  static constexpr std::array<std::array<const char*, 3>, 4> kSigns = {{
      {"", "", ""},
      {"etc/corosync/corosync.conf", "usr/sbin/corosync", "var/lib/corosync"},
      {"etc/sysconfig/pacemaker", "usr/sbin/pacemakerd", "var/lib/pacemaker"},
      {"etc/sysconfig/sbd", "etc/default/sbd", "usr/sbin/sbd"},
  }};
  if (channel == Channel::kernel) return true;
  if (channel == Channel::host) return false;
  return std::ranges::any_of(kSigns[static_cast<size_t>(channel)],
                             [root](const char* sign) { return bool(open_in_root(root, sign, O_PATH)); });
}

}  // namespace

std::string boot_id_path(const Settings& settings) { return in_procfs(settings, "sys/kernel/random/boot_id"); }

// Below another root the directory of that machine's id: those beside it hold what containers said. The id is a text that anybody may have
// written into the tree: 32 hexadecimal digits (machine-id(5)), or it is none.
std::string journal_directory(const Settings& settings) {
  const std::string root = without_slash(settings.paths.rootfs);
  if (!settings.journal_dir.empty() || root.empty()) return settings.journal_dir;
  std::string id;
  if (const std::string file = path_in_root(root, "etc/machine-id"); !file.empty()) std::getline(std::ifstream(file), id);
  const bool good =
      id.size() == 32 && std::all_of(id.begin(), id.end(), [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
  for (const char* place : {"var/log/journal/", "run/log/journal/"})
    if (std::string directory = good ? path_in_root(root, place + id) : ""; !directory.empty()) return directory;
  std::string directory = path_in_root(root, "var/log/journal");
  return directory.empty() ? root + "/var/log/journal" : directory;
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
  const std::string root_path = without_slash(settings.paths.rootfs);
  const auto root = std::make_shared<Fd>(open((root_path + "/").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  sources.oldest = once;
  if (root && *root) follow_configuration(root->get(), sources.order);
  for (size_t i = 0; i < kChannels; ++i)
    if (!settings.log_sources[i].empty()) sources.order[i] = settings.log_sources[i];
  for (size_t i = 0; i < kChannels; ++i) sources.expected[i] = root && *root && has_speaker(root->get(), static_cast<Channel>(i));
  const std::string kmsg = root_path.empty() ? "/dev/kmsg" : path_in_root(root_path, "dev/kmsg");
  const int64_t reported_us = once && root ? report_time_us(root->get(), in_procfs(settings, "")) : 0;
  sources.make = [=, plain = std::move(plain), journal = journal_directory(settings), boot_id = boot_id_path(settings),
                  from_start = settings.log_from_start](const std::string& name) -> std::unique_ptr<Source> {
    if (name == kKmsg) return std::make_unique<Kmsg>(kmsg, boot_id);
    if (name == "journal") return std::make_unique<Journal>(journal, boot_id);
    const auto channel = plain.find(name);
    if (channel != plain.end()) return make_plain(root, channel->second, name.substr(kPlain.size()), once, from_start);
    if (once) return make_archive(root, name, reported_us);
    return std::make_unique<Tail>(name, TailOptions{.root = root, .from_start = from_start});
  };
  return sources;
}

}  // namespace fencewatch
