#include <algorithm>

#include "exporter/base/scan.h"
#include "exporter/logs/sources/syslog.h"
#include "exporter/logs/sources/syslog_text.h"
#include "exporter/logs/sources/syslog_time.h"

namespace fencewatch::syslog {
namespace {

// "Nov 23 08:02:11 n1 last message repeated 5 times". 0: it is no such line.
uint32_t repeats_last(std::string_view line, std::string_view& stamp) {
  constexpr std::string_view kBefore = "last message repeated ", kBehind = " times";
  uint32_t times = 0;
  if (!line.ends_with(kBehind) || !cut_time(line, stamp)) return 0;
  scan::next_word(line);  // the host
  line = scan::trim_left(line);
  if (!line.starts_with(kBefore)) return 0;
  line.remove_prefix(kBefore.size());
  line.remove_suffix(std::min(line.size(), kBehind.size()));
  return scan::number(line, times) ? times : 0;
}

}  // namespace

bool Lines::parse(std::string_view line, Entry& out) {
  if (const auto told = record_.take(line); told != JournalRecord::Told::none) {
    last_.clear();
    return told == JournalRecord::Told::whole && from_record(out);
  }
  if (syslog::parse(line, out)) {
    last_ = line;
    return true;
  }
  std::string_view stamp;
  const uint32_t times = last_.empty() ? 0 : repeats_last(line, stamp);
  if (times == 0) {
    last_.clear();
    return false;
  }
  syslog::parse(last_, out);
  out.stamp = stamp;
  out.repeated = times;
  return true;
}

bool Lines::finish(Entry& out) { return record_.finish() && from_record(out); }

// What journal.h asks of an entry, as far as the record tells it.
bool Lines::from_record(Entry& out) {
  const JournalFields& fields = record_.fields();
  const bool kernel = fields.transport == "kernel";
  out = {};
  out.identifier = kernel ? "kernel" : std::string_view(fields.identifier);
  const auto channel = channel_of(out.identifier);
  if (!channel || fields.message.empty()) return false;
  out.channel = *channel;
  if (*channel == Channel::kernel) {
    if (!kernel && !(fields.transport.empty() && fields.pid.empty())) return false;
    if (!fields.facility.empty() && fields.facility != "0") return false;
  } else if (uint32_t uid = 0; scan::number<uint32_t>(fields.uid, uid) && !may_speak(*channel, uid, fields.unit)) {
    return false;
  }
  if (!scan::number<uint32_t>(fields.pid, out.pid)) out.pid = 0;
  stamp_ = fields.stamp();
  out.stamp = stamp_;
  out.from_stderr = *channel == Channel::corosync && fields.transport == "stdout";
  out.text = clean(*channel, fields.message);
  return true;
}

}  // namespace fencewatch::syslog
