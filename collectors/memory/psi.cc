#include "collectors/memory/psi.h"

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

bool parse_total(std::string_view line, std::optional<uint64_t>& out) {
  constexpr std::string_view key = "total=";
  std::string_view word;
  while (!(word = scan::next_word(line)).empty()) {
    if (!word.starts_with(key)) continue;
    uint64_t total = 0;
    if (!scan::number(word.substr(key.size()), total)) return false;
    out = total;
    return true;
  }
  return false;
}

}  // namespace

Status parse_psi(std::string_view text, Psi& out) {
  out = {};
  if (text.empty()) return malformed(1, "the file is empty");
  if (!scan::complete(text)) return malformed(scan::line_of(text, text.data() + text.size()), "the file is cut off");
  std::string_view rest = text, line;
  while (scan::next_line(rest, line)) {
    const char* const begin = line.data();
    const std::string_view kind = scan::next_word(line);
    std::optional<uint64_t>* const total = kind == "some" ? &out.some : kind == "full" ? &out.full : nullptr;
    if (!total) continue;
    if (*total) return malformed(scan::line_of(text, begin), "the same line twice");
    if (!parse_total(line, *total)) return malformed(scan::line_of(text, begin), "no total= in microseconds");
  }
  return out.some || out.full ? Status{} : malformed(1, "neither some nor full");
}

}  // namespace fencewatch
