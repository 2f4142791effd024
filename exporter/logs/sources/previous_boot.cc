#include "exporter/logs/sources/previous_boot.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "exporter/logs/sources/libsystemd.h"
#include "exporter/memory/mappings.h"

namespace fencewatch {
namespace {

constexpr std::string_view kStopped = "d93fb3c9c24d451a97cea615ce59c00b";  // SD_MESSAGE_JOURNAL_STOP
constexpr std::string_view kStarted = "f77379a8490b408bbe5f6940505a777b";  // SD_MESSAGE_JOURNAL_START
constexpr int kEntries = 100;

struct Close {
  void operator()(sd_journal* journal) const { libsystemd()->close(journal); }
};
using Opened = std::unique_ptr<sd_journal, Close>;

Opened open(const std::string& directory) {
  sd_journal* journal = nullptr;
  const int error = directory.empty() ? libsystemd()->open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM)
                                      : libsystemd()->open_directory(&journal, directory.c_str(), 0);
  return Opened(error < 0 ? nullptr : journal);
}

std::string_view field(sd_journal* journal, const char* name) {
  const void* data = nullptr;
  size_t size = 0;
  if (libsystemd()->get_data(journal, name, &data, &size) < 0) return {};
  const std::string_view pair(static_cast<const char*>(data), size);
  return pair.substr(std::min(pair.find('=') + 1, pair.size()));
}

std::string cursor_of_first(const std::string& directory, const std::string& boot_id) {
  const Opened journal = open(directory);
  char* cursor = nullptr;
  if (!journal || libsystemd()->add_match(journal.get(), ("_BOOT_ID=" + boot_id).c_str(), 0) < 0) return {};
  if (libsystemd()->seek_head(journal.get()) < 0 || libsystemd()->next(journal.get()) <= 0) return {};
  if (libsystemd()->get_cursor(journal.get(), &cursor) < 0) return {};
  std::string out(cursor);
  std::free(cursor);
  return out;
}

bool reached_shutdown(std::string_view message) {
  constexpr std::array<std::string_view, 4> kTargets = {"Shutdown", "Reboot", "Power",
                                                        "Halt"};  // "Reached target reboot.target - System Reboot."
  return message.starts_with("Reached target ") &&
         std::ranges::any_of(kTargets, [&](std::string_view target) { return message.find(target) != message.npos; });
}

std::optional<bool> ended_cleanly(sd_journal* journal, const std::string& boot_id) {
  std::string boot;  // the one before
  for (int entry = 0; entry < kEntries && libsystemd()->previous_skip(journal, 1) > 0; ++entry) {
    const std::string_view its = field(journal, "_BOOT_ID");
    if (boot.empty()) boot = its;
    if (boot.empty() || boot == boot_id) return std::nullopt;  // entries of several boots are mixed up
    if (its != boot) return false;
    const std::string_view id = field(journal, "MESSAGE_ID");
    if (id == kStopped || reached_shutdown(field(journal, "MESSAGE"))) return true;
    if (id == kStarted) return false;  // what stopped before was only journald
  }
  return boot.empty() ? std::nullopt : std::optional(false);
}

}  // namespace

std::optional<bool> previous_boot_clean(const std::string& directory, std::string boot_id) {
  std::erase(boot_id, '-');
  if (!libsystemd() || boot_id.empty()) return std::nullopt;
  std::optional<bool> clean;
  if (const std::string cursor = cursor_of_first(directory, boot_id); !cursor.empty()) {
    const Opened journal = open(directory);
    if (journal && libsystemd()->seek_cursor(journal.get(), cursor.c_str()) >= 0 && libsystemd()->next(journal.get()) > 0)
      clean = ended_cleanly(journal.get(), boot_id);
  }
  drop_mapped_pages(".journal");
  return clean;
}

}  // namespace fencewatch
