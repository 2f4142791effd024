#include "exporter/logs/sources/syslog_text.h"

#include <algorithm>

#include "exporter/base/scan.h"
#include "exporter/logs/sources/syslog_time.h"

namespace fencewatch::syslog {
namespace {

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool upper(char c) { return c >= 'A' && c <= 'Z'; }

size_t digits(std::string_view text) { return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), digit) - text.begin()); }

// "12.345678", "+0.000012", "12.345678 <    0.000011>", a date. Not "pid" and "8129" of the table of tasks.
bool is_kernel_time(std::string_view bracket) {
  std::string_view rest = scan::trim_left(bracket);
  if (rest.starts_with('+')) rest = scan::trim_left(rest.substr(1));
  if (const size_t seconds = digits(rest); seconds > 0 && seconds < rest.size() && (rest[seconds] == '.' || rest[seconds] == ',')) {
    const size_t fraction = digits(rest.substr(seconds + 1)), end = seconds + 1 + fraction;
    return fraction > 0 && (end == rest.size() || rest[end] == ' ');
  }
  WrittenTime time;
  return read_time(rest, time) != 0;
}

// "T123", "C0": who called printk, CONFIG_PRINTK_CALLER.
bool is_caller(std::string_view bracket) {
  const std::string_view caller = scan::trim_left(bracket);
  return caller.size() > 1 && (caller[0] == 'T' || caller[0] == 'C') && digits(caller.substr(1)) == caller.size() - 1;
}

// "** 2 printk messages dropped ** "; what a console was too slow for.
bool cut_dropped(std::string_view& text) {
  constexpr std::string_view kBefore = "** ", kBehind = " printk messages dropped **";
  if (!text.starts_with(kBefore)) return false;
  std::string_view rest = text.substr(kBefore.size());
  const size_t n = digits(rest);
  rest.remove_prefix(n);
  if (n == 0 || !rest.starts_with(kBehind)) return false;
  text = scan::trim_left(rest.substr(kBehind.size()));
  return true;
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

bool cut_pid(std::string_view& rest, uint32_t& pid) {
  if (!rest.starts_with('[')) return false;
  const size_t length = digits(rest.substr(1));
  if (length == 0 || !rest.substr(1 + length).starts_with(']') || !scan::number(rest.substr(1, length), pid)) return false;
  rest.remove_prefix(length + 2);
  return true;
}

bool cut_kernel_head(std::string_view& text, std::string_view& bracket) {
  bracket = {};
  bool any = false;
  for (bool caller = false; !text.empty();) {
    if (bracket.empty() && cut_dropped(text)) {
      any = true;
      continue;
    }
    const size_t end = text[0] == '[' ? text.find(']') : text.npos;
    if (end == text.npos) break;
    const std::string_view inside = text.substr(1, end - 1);
    if (!caller && !bracket.empty() && is_caller(inside))
      caller = true;
    else if (bracket.empty() && is_kernel_time(inside))
      bracket = scan::trim_left(inside);
    else
      break;
    text.remove_prefix(end + 1);
    if (text.starts_with(':')) text.remove_prefix(1);  // talosctl dmesg
    text = scan::trim_left(text);
    any = true;
  }
  return any;
}

std::string_view clean(Channel channel, std::string_view text) {
  text = scan::trim_left(text);
  std::string_view bracket;
  switch (channel) {
    case Channel::kernel:
      cut_kernel_head(text, bracket);
      return text;
    case Channel::corosync:
      return from_subsystem(text);
    case Channel::host:
      return text;
    case Channel::pacemaker:
    case Channel::sbd:
      if (uint32_t pid = 0; cut_pid(text, pid) && text.starts_with(':')) text.remove_prefix(1);  // as cluster-glue logs
      return without_function(scan::trim_left(text));
  }
  return text;
}

}  // namespace fencewatch::syslog
