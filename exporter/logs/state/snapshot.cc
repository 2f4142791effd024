#include "exporter/logs/state/snapshot.h"

#include <isa-l.h>

#include <charconv>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr std::string_view kVersion = "fencewatch state 1";
constexpr std::string_view kEnd = "end ";
constexpr size_t kChecksum = 8;  // hexadecimal digits

uint32_t checksum(std::string_view text) { return crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(text.data()), text.size()); }

template <class T>
void append(std::string& out, T number, int base = 10) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number, base).ptr);
}

void append_checksum(std::string& out) {
  std::string digits;
  append(digits, checksum(out), 16);
  out.append(kEnd).append(kChecksum - digits.size(), '0').append(digits).append("\n");
}

template <class T>
bool number(std::string_view word, T& out, int base = 10) {
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, out, base);
  return error == std::errc{} && stop == end;
}

bool find_channel(std::string_view word, size_t& out) {
  for (out = 0; out < kChannels; ++out)
    if (name(static_cast<Channel>(out)) == word) return true;
  return false;
}

bool take_mark(std::string_view rest, Snapshot& out) {
  size_t channel = 0;
  if (!find_channel(scan::next_word(rest), channel)) return false;
  Mark& mark = out.marks[channel];
  if (!number(scan::next_word(rest), mark.time_us)) return false;
  mark.source = scan::trim_left(rest);
  return !mark.source.empty();
}

bool take_recent(std::string_view rest, Snapshot& out) {
  size_t channel = 0;
  Counted counted;
  if (!find_channel(scan::next_word(rest), channel) || !number(scan::next_word(rest), counted.time_us) ||
      !number(scan::next_word(rest), counted.hash, 16) || !number(scan::next_word(rest), counted.times))
    return false;
  out.marks[channel].recent.push_back(counted);
  return rest.empty();
}

bool take_pair(std::string_view rest, std::vector<std::pair<std::string, std::string>>& out) {
  const size_t blank = rest.find(' ');
  if (blank == rest.npos || blank == 0 || blank + 1 == rest.size()) return false;
  out.emplace_back(rest.substr(0, blank), rest.substr(blank + 1));
  return true;
}

bool take(std::string_view line, Snapshot& out) {
  const size_t blank = std::min(line.find(' '), line.size());
  const std::string_view key = line.substr(0, blank), rest = line.substr(std::min(blank + 1, line.size()));
  if (key == "boot") return out.boot_id = rest, !rest.empty();
  if (key == "source") {
    if (!take_pair(rest, out.positions)) return false;
    std::swap(out.positions.back().first, out.positions.back().second);  // a path may hold blanks, a position does not
    return true;
  }
  if (key == "channel") return take_mark(rest, out);
  if (key == "recent") return take_recent(rest, out);
  if (key == "count") return take_pair(rest, out.counts);
  if (key == "memory") return take_pair(rest, out.memories);
  return false;
}

}  // namespace

std::string to_text(const Snapshot& snapshot) {
  std::string out(kVersion);
  out += '\n';
  if (!snapshot.boot_id.empty()) out.append("boot ").append(snapshot.boot_id).append("\n");
  for (const auto& [source, position] : snapshot.positions)
    if (!position.empty()) out.append("source ").append(position).append(" ").append(source).append("\n");
  for (size_t channel = 0; channel < kChannels; ++channel) {
    const Mark& mark = snapshot.marks[channel];
    if (mark.source.empty()) continue;
    const std::string_view its_name = name(static_cast<Channel>(channel));
    out.append("channel ").append(its_name).append(" ");
    append(out, mark.time_us);
    out.append(" ").append(mark.source).append("\n");
    for (const Counted& counted : mark.recent) {
      out.append("recent ").append(its_name).append(" ");
      append(out, counted.time_us);
      append(out += ' ', counted.hash, 16);
      append(out += ' ', counted.times);
      out += '\n';
    }
  }
  for (const auto& [collector, line] : snapshot.counts) out.append("count ").append(collector).append(" ").append(line).append("\n");
  for (const auto& [collector, memory] : snapshot.memories) out.append("memory ").append(collector).append(" ").append(memory).append("\n");
  append_checksum(out);
  return out;
}

Status from_text(std::string_view text, Snapshot& out) {
  out = {};
  if (!text.starts_with(kVersion) || text.size() <= kVersion.size() || text[kVersion.size()] != '\n')
    return malformed(1, "not a state of this version");
  const size_t tail = kEnd.size() + kChecksum + 1;
  if (text.size() < tail || !scan::complete(text)) return malformed(scan::line_of(text, text.data() + text.size()), "cut off");
  const std::string_view body = text.substr(0, text.size() - tail);
  std::string expected(body);
  append_checksum(expected);
  if (expected != text) return malformed(scan::line_of(text, text.data() + body.size()), "the checksum does not fit");
  std::string_view rest = body.substr(kVersion.size() + 1), line;
  for (uint32_t number = 2; scan::next_line(rest, line); ++number) {
    if (take(line, out)) continue;
    out = {};
    return malformed(number, "not a line of a state");
  }
  return {};
}

}  // namespace fencewatch
