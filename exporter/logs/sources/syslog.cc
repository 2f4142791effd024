#include "exporter/logs/sources/syslog.h"

#include <algorithm>

#include "exporter/base/scan.h"

namespace fencewatch::syslog {
namespace {

using namespace std::string_view_literals;

constexpr Speaker kSpeakers[] = {
    {"kernel", Channel::kernel},
    {"corosync", Channel::corosync},
    {"sbd", Channel::sbd},
    // pacemaker 2 and later
    {"pacemakerd", Channel::pacemaker},
    {"pacemaker-attrd", Channel::pacemaker},
    {"pacemaker-based", Channel::pacemaker},
    {"pacemaker-controld", Channel::pacemaker},
    {"pacemaker-execd", Channel::pacemaker},
    {"pacemaker-fenced", Channel::pacemaker},
    {"pacemaker-remoted", Channel::pacemaker},
    {"pacemaker-schedulerd", Channel::pacemaker},
    // 1.1
    {"attrd", Channel::pacemaker},
    {"cib", Channel::pacemaker},
    {"crmd", Channel::pacemaker},
    {"lrmd", Channel::pacemaker},
    {"pacemaker_remoted", Channel::pacemaker},
    {"pengine", Channel::pacemaker},
    {"stonith-ng", Channel::pacemaker},
    {"stonithd", Channel::pacemaker},
};

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool lower(char c) { return c >= 'a' && c <= 'z'; }

// `text` begins with `shape`: 0 a digit, _ a blank or a digit, T a T or a blank, A and a letters, anything else itself.
constexpr bool shaped(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const char c = text[i];
    switch (shape[i]) {
      case '0':
        if (!digit(c)) return false;
        break;
      case '_':
        if (c != ' ' && !digit(c)) return false;
        break;
      case 'T':
        if (c != 'T' && c != ' ') return false;
        break;
      case 'A':
        if (!upper(c)) return false;
        break;
      case 'a':
        if (!lower(c)) return false;
        break;
      default:
        if (c != shape[i]) return false;
    }
  }
  return true;
}

constexpr std::string_view kTraditional = "Aaa _0 00:00:00";
constexpr std::string_view kIso = "0000-00-00T00:00:00";

size_t digits(std::string_view text) { return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), digit) - text.begin()); }

size_t fraction_length(std::string_view text) {
  if (text.size() < 2 || (text[0] != '.' && text[0] != ',') || !digit(text[1])) return 0;
  return 1 + digits(text.substr(1));
}

size_t zone_length(std::string_view text) {
  if (text.starts_with('Z')) return 1;
  if (!text.starts_with('+') && !text.starts_with('-')) return 0;
  return shaped(text.substr(1), "00:00") ? 6 : shaped(text.substr(1), "0000") ? 5 : 0;
}

// Cuts the time off. False: the text begins with none.
bool cut_stamp(std::string_view& rest, std::string_view& stamp) {
  size_t length = 0;
  if (shaped(rest, kTraditional)) {
    length = kTraditional.size();
    length += fraction_length(rest.substr(length));
  } else if (shaped(rest, kIso)) {
    length = kIso.size();
    length += fraction_length(rest.substr(length));
    length += zone_length(rest.substr(length));
  }
  if (length == 0 || (length < rest.size() && rest[length] != ' ')) return false;
  stamp = rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

// Cuts "<PRI>" off.
bool cut_priority(std::string_view& rest, uint32_t& priority) {
  const size_t end = rest.find('>');
  if (!rest.starts_with('<') || end == rest.npos || end > 4 || !scan::number(rest.substr(1, end - 1), priority)) return false;
  rest.remove_prefix(end + 1);
  return true;
}

// Cuts "[123]" off.
bool cut_pid(std::string_view& rest, uint32_t& pid) {
  if (!rest.starts_with('[')) return false;
  const size_t length = digits(rest.substr(1));
  if (length == 0 || !rest.substr(1 + length).starts_with(']') || !scan::number(rest.substr(1, length), pid)) return false;
  rest.remove_prefix(length + 2);
  return true;
}

// corosync's own file: "corosync notice  [TOTEM ] …", and without a time "corosyncnotice  [TOTEM ] …".
bool corosync_file(std::string_view rest, bool stamped, Entry& out) {
  constexpr std::string_view kName = "corosync";
  if (!rest.starts_with(kName)) return false;
  out.identifier = rest.substr(0, kName.size());
  rest.remove_prefix(kName.size());
  if (stamped != rest.starts_with(' ')) return false;
  std::string_view after = rest;
  constexpr std::string_view kLevels[] = {"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug", "trace"};
  if (std::ranges::find(kLevels, scan::next_word(after)) == std::end(kLevels)) return false;
  out.text = rest;
  return true;
}

// What follows the identifier: "[61]: text", ": text", in pacemaker's own file "  [61] (function) \tlevel: text".
bool spoken(std::string_view identifier, std::string_view rest, Entry& out) {
  out.identifier = identifier;
  if (rest.starts_with(' ')) {
    rest = scan::trim_left(rest);
    if (!identifier.starts_with("pacemaker") || !cut_pid(rest, out.pid) || !rest.starts_with(" (")) return false;
  } else {
    if (rest.starts_with('[') && !cut_pid(rest, out.pid)) return false;
    if (!rest.starts_with(':')) return false;
    rest.remove_prefix(1);
    out.from_stderr = identifier == "corosync" && !scan::trim_left(rest).starts_with('[');
  }
  out.text = rest;
  return true;
}

// Behind the time: "host identifier[pid]: text" and the files of the daemons' own.
bool traditional(std::string_view rest, Entry& out) {
  rest = scan::trim_left(rest);
  if (rest.starts_with("corosync [")) {
    out.identifier = rest.substr(0, 8);
    out.text = rest.substr(8);
    return true;
  }
  const bool own_file = cut_pid(rest, out.pid);
  if (own_file && !rest.starts_with(' ')) return false;
  scan::next_word(rest);  // the host
  rest = scan::trim_left(rest);
  if (own_file && corosync_file(rest, !out.stamp.empty(), out)) return true;
  if (own_file && out.stamp.empty()) return false;
  const size_t end = rest.find_first_of("[: \t");
  return end != rest.npos && end > 0 && spoken(rest.substr(0, end), rest.substr(end), out);
}

// Cuts the structured data of RFC 5424 off: "-" or "[id name="value"]…".
bool cut_structured_data(std::string_view& rest) {
  rest = scan::trim_left(rest);
  if (rest.starts_with('-')) {
    rest.remove_prefix(1);
    return true;
  }
  if (!rest.starts_with('[')) return false;
  while (rest.starts_with('[')) {
    bool quoted = false;
    size_t i = 1;
    for (; i < rest.size() && (quoted || rest[i] != ']'); ++i) {
      if (rest[i] == '"') quoted = !quoted;
      if (quoted && rest[i] == '\\') ++i;
    }
    if (i >= rest.size()) return false;
    rest.remove_prefix(i + 1);
  }
  return true;
}

// Behind "<PRI>1 TIME ": host, identifier, pid, kind of message, structured data.
bool rfc5424(std::string_view rest, Entry& out) {
  scan::next_word(rest);
  out.identifier = scan::next_word(rest);
  if (const std::string_view pid = scan::next_word(rest); !scan::number(pid, out.pid)) out.pid = 0;
  scan::next_word(rest);
  if (!cut_structured_data(rest)) return false;
  rest = scan::trim_left(rest);
  if (rest.starts_with("\xEF\xBB\xBF"sv)) rest.remove_prefix(3);
  out.text = rest;
  return true;
}

// rsyslog folds what repeats; the first time was written before, so N more.
void unfold(Entry& entry) {
  std::string_view rest = scan::trim_left(entry.text);
  constexpr std::string_view kBefore = "message repeated ", kBehind = " times: [";
  if (!rest.starts_with(kBefore)) return;
  rest.remove_prefix(kBefore.size());
  const size_t end = rest.find(kBehind);
  uint32_t times = 0;
  if (end == rest.npos || !scan::number(rest.substr(0, end), times) || times == 0) return;
  rest.remove_prefix(end + kBehind.size());
  if (rest.ends_with(']')) rest.remove_suffix(1);
  entry.text = rest;
  entry.repeated = times;
}

// "Nov 23 08:02:11 n1 last message repeated 5 times". 0: it is no such line.
uint32_t repeats_last(std::string_view line, std::string_view& stamp) {
  constexpr std::string_view kBefore = "last message repeated ", kBehind = " times";
  uint32_t times = 0;
  if (!line.ends_with(kBehind) || !cut_stamp(line, stamp)) return 0;
  scan::next_word(line);  // the host
  line = scan::trim_left(line);
  if (!line.starts_with(kBefore)) return 0;
  line.remove_prefix(kBefore.size());
  line.remove_suffix(std::min(line.size(), kBehind.size()));
  return scan::number(line, times) ? times : 0;
}

std::string_view without_kernel_time(std::string_view text) {
  if (!text.starts_with('[')) return text;
  std::string_view rest = scan::trim_left(text.substr(1));
  const size_t seconds = digits(rest);
  if (seconds == 0) return text;
  rest.remove_prefix(seconds);
  const size_t fraction = fraction_length(rest);
  if (fraction == 0 || !rest.substr(fraction).starts_with(']')) return text;
  return scan::trim_left(rest.substr(fraction + 1));
}

// From "[TOTEM ] " on, when what stands before it is short enough to be a head.
std::string_view from_subsystem(std::string_view text) {
  constexpr size_t kHead = 80;
  for (size_t at = text.find('['); at < kHead; at = text.find('[', at + 1)) {
    size_t end = at + 1;
    while (end < text.size() && upper(text[end])) ++end;
    if (end < at + 2) continue;
    while (end < text.size() && text[end] == ' ') ++end;
    if (end < text.size() && text[end] == ']') return text.substr(at);
  }
  return text;
}

std::string_view without_function(std::string_view text) {
  if (!text.starts_with('(')) return text;
  const size_t end = text.find(')');
  return end == text.npos ? text : scan::trim_left(text.substr(end + 1));
}

}  // namespace

std::span<const Speaker> speakers() { return kSpeakers; }

std::optional<Channel> channel_of(std::string_view identifier) {
  constexpr auto kFirst = "kcspal"sv;  // most lines are of others
  if (identifier.size() < 3 || kFirst.find(identifier[0]) == kFirst.npos) return std::nullopt;
  for (const Speaker& speaker : kSpeakers)
    if (speaker.identifier == identifier) return speaker.channel;
  return std::nullopt;
}

std::string_view clean(Channel channel, std::string_view text) {
  text = scan::trim_left(text);
  switch (channel) {
    case Channel::kernel:
      return without_kernel_time(text);
    case Channel::corosync:
      return from_subsystem(text);
    case Channel::pacemaker:
    case Channel::sbd:
      if (uint32_t pid = 0; cut_pid(text, pid) && text.starts_with(':')) text.remove_prefix(1);  // as cluster-glue logs
      return without_function(scan::trim_left(text));
  }
  return text;
}

bool starts_line(std::string_view text) { return shaped(text, kTraditional) || shaped(text, kIso) || shaped(text, "<0"); }

bool parse(std::string_view line, Entry& out) {
  out = {};
  line.remove_prefix(std::min(line.find_first_not_of('\0'), line.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  uint32_t priority = 0;
  const bool has_priority = cut_priority(line, priority);
  const bool version1 = has_priority && line.starts_with("1 ");
  if (version1) line.remove_prefix(2);
  const bool stamped = cut_stamp(line, out.stamp);
  if (!stamped && (version1 || !line.starts_with('['))) return false;
  if (!(version1 ? rfc5424(line, out) : traditional(line, out))) return false;
  const auto channel = channel_of(out.identifier);
  if (!channel) return false;
  if (*channel == Channel::kernel && (out.pid != 0 || (has_priority && priority >= 8))) return false;
  out.channel = *channel;
  unfold(out);
  out.text = clean(out.channel, out.text);
  return true;
}

bool Lines::parse(std::string_view line, Entry& out) {
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

}  // namespace fencewatch::syslog
