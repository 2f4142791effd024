#include "exporter/logs/sources/journal.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "exporter/base/line_buffer.h"
#include "exporter/base/scan.h"
#include "exporter/logs/sources/journal_record.h"
#include "exporter/logs/sources/libsystemd.h"
#include "exporter/logs/sources/syslog.h"
#include "exporter/logs/sources/syslog_text.h"
#include "exporter/memory/mappings.h"
#include "exporter/node/resolve.h"

namespace fencewatch {
namespace {

constexpr size_t kMaxText = LineBuffer::kMaxLine;

// A field of the current entry, good until the next is asked for; empty when there is none. False: it cannot be read.
bool field(sd_journal* journal, const char* name, std::string_view& out) {
  const void* data = nullptr;
  size_t size = 0;
  out = {};
  const int error = libsystemd()->get_data(journal, name, &data, &size);
  if (error == -ENOENT) return true;
  if (error < 0) return false;
  const std::string_view pair(static_cast<const char*>(data), size);
  out = pair.substr(std::min(pair.find('=') + 1, pair.size()));
  return true;
}

// A number in a field. False: it is not there.
template <class T>
bool number(sd_journal* journal, const char* name, T& out) {
  std::string_view text;
  return field(journal, name, text) && scan::number(text, out);
}

// What of an entry is not its message.
struct Head {
  Channel channel = Channel::kernel;
  StderrPairs::Way way = StderrPairs::Way::none;
  bool ours = false;
};

bool kernel_says(sd_journal* journal) {
  uint32_t facility = 1;
  return number(journal, "SYSLOG_FACILITY", facility) && facility == 0;
}

bool daemon_says(sd_journal* journal, Channel channel) {
  uint32_t uid = 0;
  if (!number(journal, "_UID", uid)) return true;
  std::string_view unit;
  return field(journal, "_SYSTEMD_UNIT", unit) && may_speak(channel, uid, unit);
}

// False: the entry cannot be read.
bool read_head(sd_journal* journal, std::string& identifier, Head& out) {
  std::string_view text;
  if (!field(journal, "_TRANSPORT", text)) return false;
  if (text == "kernel") {
    identifier = "kernel";
    out.ours = kernel_says(journal);
    return true;
  }
  out.way = text == "stdout" ? StderrPairs::Way::stderr_ : StderrPairs::Way::syslog;
  if (!field(journal, "SYSLOG_IDENTIFIER", text)) return false;
  identifier = text;
  const auto channel = syslog::channel_of(identifier);
  if (!channel || *channel == Channel::kernel) return true;
  out.channel = *channel;
  out.ours = daemon_says(journal, *channel);
  return true;
}

// When it was said, by the speaker's clock where it is told: a starved journald receives late.
int64_t time_of(sd_journal* journal, Channel channel) {
  uint64_t received = 0, monotonic = 0, said = 0;
  sd_id128_t boot;
  if (libsystemd()->get_realtime_usec(journal, &received) < 0) return 0;
  if (channel != Channel::kernel) {
    number(journal, "_SOURCE_REALTIME_TIMESTAMP", received);
  } else if (libsystemd()->get_monotonic_usec(journal, &monotonic, &boot) >= 0 && number(journal, "_SOURCE_MONOTONIC_TIMESTAMP", said) &&
             said <= monotonic) {
    received -= std::min(received, monotonic - said);
  }
  return static_cast<int64_t>(std::min<uint64_t>(received, INT64_MAX));
}

int add_matches(sd_journal* journal, const std::string& boot) {
  int error = libsystemd()->add_match(journal, "_TRANSPORT=kernel", 0);
  if (error >= 0) error = libsystemd()->add_disjunction(journal);
  for (const auto& [identifier, channel] : syslog::speakers()) {
    if (error < 0 || channel == Channel::kernel) continue;
    error = libsystemd()->add_match(journal, ("SYSLOG_IDENTIFIER=" + std::string(identifier)).c_str(), 0);
  }
  if (boot.empty() || error < 0) return error;
  error = libsystemd()->add_conjunction(journal);
  return error < 0 ? error : libsystemd()->add_match(journal, ("_BOOT_ID=" + boot).c_str(), 0);
}

}  // namespace

void Journal::Close::operator()(sd_journal* journal) const { libsystemd()->close(journal); }

Journal::Journal(std::string directory, std::string boot_id_path)
    : directory_(std::move(directory)), boot_id_path_(std::move(boot_id_path)) {}

Status Journal::fault_of(int error) {
  journal_.reset();
  fd_ = -1;
  return fault(-error, "journal");
}

// A node that has no journal need not load the library.
bool Journal::there() const {
  if (!directory_.empty()) return access(directory_.c_str(), F_OK) == 0;
  return access("/var/log/journal", F_OK) == 0 || access("/run/log/journal", F_OK) == 0;
}

Status Journal::open_files() {
  if (!there()) return {Code::missing, 0, "journal", "there is none"};
  if (!libsystemd()) return {Code::missing, 0, "journal", "libsystemd is not installed"};
  sd_journal* journal = nullptr;
  const int error = directory_.empty() ? libsystemd()->open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM)
                                       : libsystemd()->open_directory(&journal, directory_.c_str(), 0);
  if (error < 0) return fault_of(error);
  journal_.reset(journal);
  uint64_t bytes = 0;
  if (libsystemd()->get_usage(journal, &bytes) < 0 || bytes == 0) {
    journal_.reset();
    return {Code::missing, 0, "journal", "there is none that we may read"};
  }
  return {};
}

// Without a position to the beginning of this boot.
int Journal::seek(const std::string& position, const std::string& boot) {
  sd_journal* const journal = journal_.get();
  cursor_.clear();
  behind_ = true;
  uint64_t since_us = 0;
  const bool since = position.starts_with('@') && scan::number(std::string_view(position).substr(1), since_us);
  const bool cursor = !since && !position.empty() && libsystemd()->seek_cursor(journal, position.c_str()) >= 0;
  const int error = add_matches(journal, since || cursor ? std::string() : boot);
  if (error < 0) return error;
  if (since) return libsystemd()->seek_realtime_usec(journal, since_us);
  if (!cursor) return libsystemd()->seek_head(journal);
  cursor_ = position;
  behind_ = false;
  return 0;
}

Status Journal::open(std::string_view position) {
  journal_.reset();
  fd_ = -1;
  pairs_ = {};
  std::string boot;
  if (const Status status = read_boot_id(boot_id_path_, boot); !status && !position.starts_with('@')) return status;
  std::erase(boot, '-');
  const std::string from(position);  // may be our own
  if (const Status status = open_files(); !status) return status;
  sd_journal* const journal = journal_.get();
  (void)libsystemd()->set_data_threshold(journal, kMaxText + sizeof "MESSAGE=");
  const int fd = libsystemd()->get_fd(journal);  // before the first look, so that nothing comes in between unseen
  fd_ = fd >= 0 && libsystemd()->reliable_fd(journal) > 0 ? fd : -1;
  const int error = seek(from, boot);
  return error < 0 ? fault_of(error) : Status{};
}

// To the first entry that is to be read. Those just before it are told to the twins: one of a pair may have been read before the restart.
// Like sd_journal_next: 1 for an entry.
int Journal::go_behind_cursor() {
  sd_journal* const journal = journal_.get();
  int found = libsystemd()->next(journal);
  if (behind_ || found <= 0) return found;
  behind_ = true;
  if (libsystemd()->test_cursor(journal, cursor_.c_str()) <= 0) return found;  // it is gone: this is the first after it
  for (int before = libsystemd()->previous_skip(journal, StderrPairs::kKept); before > 0 && found > 0; --before) {
    take(nullptr);
    found = libsystemd()->next(journal);
  }
  if (found <= 0) return found;
  take(nullptr);
  return libsystemd()->next(journal);
}

// One entry; without a sink it is only told to the twins.
void Journal::take(Sink* sink) {
  sd_journal* const journal = journal_.get();
  Head head;
  std::string_view text;
  if (!read_head(journal, identifier_, head)) {
    if (sink != nullptr) sink->lost(Channel::kernel, "corrupt", 1);  // of whichever
    return;
  }
  if (!head.ours) return;
  const int64_t time_us = time_of(journal, head.channel);
  if (!field(journal, "MESSAGE", text)) {
    if (sink != nullptr) sink->lost(head.channel, "corrupt", 1);
    return;
  }
  const bool clipped = text.size() > kMaxText;
  text = syslog::clean(head.channel, text.substr(0, kMaxText));
  if (head.way != StderrPairs::Way::none && !pairs_.is_new(head.channel, head.way, text, time_us)) return;
  if (sink == nullptr) return;
  if (clipped) sink->lost(head.channel, "too_long", 1);
  sink->line({head.channel, text, identifier_, time_us});
}

Status Journal::read(Sink& sink, size_t max, bool& more) {
  more = false;
  sd_journal* const journal = journal_.get();
  if (journal == nullptr) return {Code::io, 0, "journal", "closed"};
  int found = libsystemd()->process(journal);  // files that came and went
  size_t taken = 0;
  while (found >= 0 && taken < max) {
    found = go_behind_cursor();
    if (found <= 0) break;
    take(&sink);
    ++taken;
  }
  if (char* cursor = nullptr; taken > 0 && libsystemd()->get_cursor(journal, &cursor) >= 0) {
    cursor_ = cursor;
    std::free(cursor);
  }
  drop_mapped_pages(".journal");
  if (found < 0) return fault_of(found);
  more = taken == max;
  return {};
}

}  // namespace fencewatch
