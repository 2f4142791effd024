#include "exporter/logs/sources/pasted.h"

#include <algorithm>

#include "exporter/base/scan.h"
#include "exporter/logs/sources/syslog.h"
#include "exporter/logs/sources/syslog_text.h"

namespace fencewatch {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool cut_number(std::string_view& line, size_t& number) {
  const std::string_view rest = scan::trim_left(line);
  const size_t n = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (n == 0 || n > 9 || n == rest.size() || !scan::number(rest.substr(0, n), number)) return false;
  const char behind = rest[n];
  if (behind != ':' && behind != '-' && !scan::blank(behind)) return false;
  line = scan::blank(behind) ? scan::trim_left(rest.substr(n)) : rest.substr(n + 1);
  return true;
}

// Up to a ':' that no blank is before.
bool cut_name(std::string_view& line) {
  const size_t end = line.find_first_of(": \t");
  if (end == line.npos || line[end] != ':' || line.find_first_not_of("0123456789") == end) return false;
  line.remove_prefix(end + 1);
  return true;
}

// The lines of the sample that are whole, but empty ones.
template <class Each>
bool all_lines(std::string_view sample, Each each) {
  if (const size_t end = sample.rfind('\n'); end != sample.npos) sample = sample.substr(0, end + 1);
  std::string_view line;
  bool any = false;
  while (scan::next_line(sample, line)) {
    if (line.find_first_not_of(" \t\r") == line.npos || line == "--") continue;  // grep puts -- between groups
    if (!each(line)) return false;
    any = true;
  }
  return any;
}

bool is_log_line(std::string_view line) {
  syslog::Entry entry;
  std::string_view rest = line, bracket;
  return syslog::starts_line(line) || syslog::parse(line, entry) || syslog::cut_kernel_head(rest, bracket);
}

}  // namespace

bool Pasted::cut(std::string_view& line, size_t& number) const {
  std::string_view rest = line;
  if (quoted_) {
    rest = scan::trim_left(rest);
    if (!rest.starts_with('>')) return false;
    rest.remove_prefix(std::min<size_t>(rest.starts_with("> ") ? 2 : 1, rest.size()));
  }
  if (named_ && !cut_name(rest)) return false;
  if (numbered_ && !cut_number(rest, number)) return false;
  if (!numbered_) {
    const size_t blanks = rest.size() - scan::trim_left(rest).size();
    if (blanks < indent_) return false;
    rest.remove_prefix(indent_);
  }
  line = rest;
  return true;
}

Pasted Pasted::of(std::string_view sample) {
  if (sample.starts_with(kByteOrderMark)) sample.remove_prefix(kByteOrderMark.size());
  Pasted none;
  none.indent_ = std::string_view::npos;
  all_lines(sample, [&](std::string_view line) {
    none.indent_ = std::min(none.indent_, line.size() - scan::trim_left(line).size());
    return none.indent_ > 0;
  });
  if (none.indent_ == std::string_view::npos) none.indent_ = 0;
  // In a log as it should be the first line with anything of ours has nothing in front.
  for (int form = 1; form < 8; ++form) {
    Pasted pasted;
    pasted.quoted_ = (form & 4) != 0;
    pasted.named_ = (form & 2) != 0;
    pasted.numbered_ = (form & 1) != 0;
    size_t last = 0;
    const bool fits = all_lines(sample, [&](std::string_view line) {
      if (is_log_line(line)) return false;
      size_t number = last + 1;
      if (!pasted.cut(line, number) || number <= last || (pasted.named_ && !pasted.numbered_ && !is_log_line(line))) return false;
      const bool first = last == 0;
      last = number;
      return !first || is_log_line(line);
    });
    if (fits) return pasted;
  }
  return none;
}

std::string_view Pasted::strip(std::string_view line) const {
  if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  size_t number = 0;
  cut(line, number);
  return line;
}

}  // namespace fencewatch
