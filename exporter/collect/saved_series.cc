#include "exporter/collect/saved_series.h"

#include <charconv>
#include <cmath>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr uint64_t kMost = uint64_t{1} << 53;  // a double counts no further

template <class T>
void append(T number, std::string& out) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

// Cuts `prefix` off.
bool skip(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  return true;
}

std::string_view cut_name(std::string_view& rest) {
  size_t n = 0;
  while (n < rest.size() && ((rest[n] >= 'a' && rest[n] <= 'z') || (rest[n] >= '0' && rest[n] <= '9') || rest[n] == '_')) ++n;
  const std::string_view name = rest.substr(0, n);
  rest.remove_prefix(n);
  return name;
}

// Up to the quote that ends it, which is cut off as well.
bool cut_value(std::string_view& rest, std::string& out) {
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"') return true;
    if (c != '\\') {
      out += c;
      continue;
    }
    if (rest.empty()) return false;
    const char escaped = rest.front();
    rest.remove_prefix(1);
    if (escaped != '\\' && escaped != '"' && escaped != 'n') return false;
    out += escaped == 'n' ? '\n' : escaped;
  }
  return false;
}

bool cut_labels(std::string_view& rest, prometheus::Labels& out) {
  if (!skip(rest, "{")) return true;
  do {
    const std::string name(cut_name(rest));
    std::string value;
    if (name.empty() || !skip(rest, "=\"") || !cut_value(rest, value) || !out.emplace(name, std::move(value)).second) return false;
  } while (skip(rest, ","));
  return skip(rest, "}");
}

bool cut_word(std::string_view& rest, std::string_view& word) {
  if (!skip(rest, " ")) return false;
  word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return true;
}

bool bucket(std::string_view word, std::vector<std::pair<double, uint64_t>>& out) {
  const size_t colon = word.find(':');
  double bound = 0;
  uint64_t count = 0;
  if (colon == word.npos || !scan::number(word.substr(0, colon), bound) || !scan::number(word.substr(colon + 1), count)) return false;
  if (std::isnan(bound) || count == 0 || count > kMost || (!out.empty() && bound <= out.back().first)) return false;
  out.emplace_back(bound, count);
  return true;
}

}  // namespace

std::string to_line(const SavedSeries& series) {
  std::string line(series.name);
  char before = '{';
  for (const auto& [name, value] : series.labels) {
    line.append(1, before).append(name).append("=\"");
    for (const char c : value) {
      if (c == '\\' || c == '"' || c == '\n') line += '\\';
      line += c == '\n' ? 'n' : c;
    }
    line += '"';
    before = ',';
  }
  if (!series.labels.empty()) line += '}';
  line += ' ';
  append(series.value, line);
  for (const auto& [bound, count] : series.observed) {
    line += ' ';
    append(bound, line);
    line += ':';
    append(count, line);
  }
  return line;
}

bool from_line(const std::string_view whole, SavedSeries& out) {
  std::string_view line = whole;
  out = {};
  out.name = cut_name(line);
  std::string_view word;
  if (out.name.empty() || !cut_labels(line, out.labels) || !cut_word(line, word)) return false;
  if (!scan::number(word, out.value) || !std::isfinite(out.value)) return false;
  while (!line.empty()) {
    if (!cut_word(line, word) || !bucket(word, out.observed)) return false;
  }
  return to_line(out) == whole;  // nobody but to_line() writes them
}

}  // namespace fencewatch
