#include "exporter/logs/sources/syslog.h"

#include <algorithm>
#include <utility>

#include "exporter/base/scan.h"
#include "exporter/logs/sources/syslog_text.h"
#include "exporter/logs/sources/syslog_time.h"

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
    // of the machine, and of what stands beside the cluster
    {"corosync-qdevice", Channel::host},
    {"dlm_controld", Channel::host},
    {"pmxcfs", Channel::host},
    {"pve-ha-crm", Channel::host},
    {"pve-ha-lrm", Channel::host},
    {"shutdown", Channel::host},
    {"spausedd", Channel::host},
    {"systemd", Channel::host},
    {"systemd-journald", Channel::host},
    {"systemd-logind", Channel::host},
    {"systemd-shutdown", Channel::host},
    {"watchdog-mux", Channel::host},
};

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }

// The words of syslog.conf(5); those that are no longer used as well.
constexpr std::string_view kLevels[] = {"emerg",   "panic", "alert",  "crit", "err",   "error",
                                        "warning", "warn",  "notice", "info", "debug", "trace"};
constexpr std::string_view kFacilities[] = {"kern", "user", "mail", "daemon", "auth",     "syslog",
                                            "lpr",  "news", "uucp", "cron",   "authpriv", "ftp"};

bool is_level(std::string_view word) { return std::ranges::find(kLevels, word) != std::end(kLevels); }
bool is_facility(std::string_view word) {
  return std::ranges::find(kFacilities, word) != std::end(kFacilities) || (word.size() == 6 && word.starts_with("local") && digit(word[5]));
}

// Cuts "<PRI>" off.
bool cut_priority(std::string_view& rest, uint32_t& priority) {
  const size_t end = rest.find('>');
  if (!rest.starts_with('<') || end == rest.npos || end > 4 || !scan::number(rest.substr(1, end - 1), priority)) return false;
  rest.remove_prefix(end + 1);
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
  if (!is_level(scan::next_word(after))) return false;
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

// "kern.err", as BusyBox and OpenWrt tell it before the identifier.
bool is_priority(std::string_view word) {
  const size_t dot = word.find('.');
  return dot != word.npos && is_facility(word.substr(0, dot)) && is_level(word.substr(dot + 1));
}

// Behind the time: "host identifier[pid]: text", also without host, and the files of the daemons' own.
bool traditional(std::string_view rest, Entry& out, bool& of_kernel) {
  rest = scan::trim_left(rest);
  if (rest.starts_with("corosync [")) {
    out.identifier = rest.substr(0, 8);
    out.text = rest.substr(8);
    return true;
  }
  const bool own_file = cut_pid(rest, out.pid);
  if (own_file && !rest.starts_with(' ')) return false;
  rest = scan::trim_left(rest);
  for (bool host = false;;) {
    std::string_view after = rest;
    const std::string_view word = scan::next_word(after);
    if (word.ends_with(':')) break;
    if (is_priority(word))
      of_kernel = word.starts_with("kern.");
    else if (std::exchange(host, true))
      break;
    rest = scan::trim_left(after);
    if (word.empty() || !of_kernel) break;
  }
  if (own_file && corosync_file(rest, !out.stamp.empty(), out)) return true;
  if (own_file && out.stamp.empty()) return false;
  const size_t end = rest.find_first_of("[: \t");
  return end != rest.npos && end > 0 && spoken(rest.substr(0, end), rest.substr(end), out);
}

// EulerOS and Huawei Cloud EulerOS: "TIME|err|kernel[-]|text", "TIME|host|notice|corosync[2101]|text".
bool barred(std::string_view rest, Entry& out) {
  const auto cut_field = [&rest] {
    rest.remove_prefix(std::min<size_t>(1, rest.size()));
    const std::string_view field = rest.substr(0, rest.find('|'));
    rest.remove_prefix(field.size());
    return scan::trim_left(field);
  };
  if (!is_level(cut_field())) {  // the host
    if (!is_level(cut_field())) return false;
  }
  std::string_view tag = cut_field();
  if (!rest.starts_with('|')) return false;
  out.identifier = tag.substr(0, tag.find_first_of("[: "));
  tag.remove_prefix(out.identifier.size());
  if (!cut_pid(tag, out.pid)) out.pid = 0;
  out.text = rest.substr(1);
  out.from_stderr = out.identifier == "corosync" && !scan::trim_left(out.text).starts_with('[');
  return true;
}

// Cuts off what dmesg -x and talosctl dmesg tell: "kern  :err   : ", " kern: warning: ", "10.5.0.2: kern: warning: ".
bool cut_decoded(std::string_view& line, std::string_view& facility) {
  std::string_view rest = line;
  const auto cut_field = [&rest] {
    rest = scan::trim_left(rest);
    const std::string_view field = rest.substr(0, std::min(rest.find_first_of(" :"), rest.size()));
    rest = scan::trim_left(rest.substr(field.size()));
    if (!rest.starts_with(':')) return std::string_view();
    rest.remove_prefix(1);
    return field;
  };
  facility = cut_field();
  if (!facility.empty() && !is_facility(facility)) facility = cut_field();
  if (!is_facility(facility) || !is_level(cut_field())) return false;
  line = scan::trim_left(rest);
  return true;
}

bool decoded(std::string_view rest, Entry& out) {
  std::string_view facility;
  if (!cut_decoded(rest, facility) || facility != "kern") return false;
  out.identifier = "kernel";
  out.text = rest;
  return true;
}

// A line without a time: "corosync[48695]:   [TOTEM ] …", "kernel: [  12.345678] …"; after the seconds since the boot, as journalctl -o
// short-monotonic has them, "n1 kernel: …" as well.
bool undated(std::string_view rest, bool monotonic, Entry& out) {
  if (!monotonic && (rest.empty() || scan::blank(rest[0]) || rest[0] == '-')) return false;
  if (std::string_view after = rest; !scan::next_word(after).ends_with(':')) {
    if (!monotonic) return false;
    rest = scan::trim_left(after);
  }
  const size_t end = rest.find_first_of("[: \t");
  if (end == rest.npos || end == 0 || rest[end] == ' ' || !spoken(rest.substr(0, end), rest.substr(end), out)) return false;
  std::string_view text = scan::trim_left(out.text), bracket;
  return monotonic || out.identifier != "kernel" || cut_kernel_head(text, bracket);
}

// `of_kernel`: nothing says that another facility than the kernel's speaks.
bool take_apart(std::string_view line, Entry& out, bool& of_kernel) {
  if (cut_time(line, out.stamp)) return line.starts_with('|') ? barred(line, out) : traditional(line, out, of_kernel);
  if (line.starts_with('[')) {
    std::string_view bracket;
    if (!cut_kernel_head(line, bracket)) return traditional(line, out, of_kernel);
    return undated(line, true, out);
  }
  constexpr size_t kHead = 48;
  return (line.substr(0, kHead).find("kern") != line.npos && decoded(line, out)) || undated(line, false, out);
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

}  // namespace

std::span<const Speaker> speakers() { return kSpeakers; }

std::optional<Channel> channel_of(std::string_view identifier) {
  constexpr auto kFirst = "kcspaldw"sv;  // most lines are of others
  if (identifier.size() < 3 || kFirst.find(identifier[0]) == kFirst.npos) return std::nullopt;
  for (const Speaker& speaker : kSpeakers)
    if (speaker.identifier == identifier) return speaker.channel;
  return std::nullopt;
}

bool starts_line(std::string_view text) {
  WrittenTime ignored;
  return read_time(text, ignored) != 0 || (text.size() > 1 && text[0] == '<' && digit(text[1])) || text.starts_with("{\"") ||
         text.starts_with("__CURSOR=");
}

bool parse(std::string_view line, Entry& out) {
  out = {};
  line.remove_prefix(std::min(line.find_first_not_of('\0'), line.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  uint32_t priority = 0;
  const bool has_priority = cut_priority(line, priority);
  bool of_kernel = priority < 8;
  if (has_priority && line.starts_with("1 ")) {
    line.remove_prefix(2);
    if (!cut_time(line, out.stamp) || !rfc5424(line, out)) return false;
  } else {
    bool told = true;
    if (!take_apart(line, out, told)) return false;
    of_kernel = of_kernel && told;
  }
  const auto channel = channel_of(out.identifier);
  if (!channel || (*channel == Channel::kernel && (out.pid != 0 || !of_kernel))) return false;
  out.channel = *channel;
  unfold(out);
  if (std::string_view text = scan::trim_left(out.text), bracket; out.stamp.empty() && *channel == Channel::kernel)
    if (WrittenTime time; cut_kernel_head(text, bracket) && read_time(bracket, time) != 0) out.stamp = bracket;
  out.text = clean(out.channel, out.text);
  return true;
}

bool parse_kernel(std::string_view line, Entry& out) {
  if (parse(line, out)) return out.channel == Channel::kernel;
  out = {};
  if (line.ends_with('\r')) line.remove_suffix(1);
  uint32_t priority = 0;
  if (cut_priority(line, priority) && priority >= 8) return false;
  std::string_view bracket, facility;
  if (cut_decoded(line, facility)) return false;
  if (cut_time(line, out.stamp) && out.stamp.find(',') == out.stamp.npos) return false;  // with a comma it is dmesg --time-format iso
  line = scan::trim_left(line);
  cut_kernel_head(line, bracket);
  if (WrittenTime time; out.stamp.empty() && read_time(bracket, time) != 0) out.stamp = bracket;
  out.identifier = "kernel";
  out.text = line;
  return true;
}

bool is_about_logging(std::string_view text) {
  return text.find("Switching to /") != text.npos || text.find("dditional logging available in ") != text.npos;
}

}  // namespace fencewatch::syslog
