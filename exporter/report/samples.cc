#include "exporter/report/samples.h"

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

bool name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':'; }

std::string_view cut_name(std::string_view& rest) {
  size_t n = 0;
  while (n < rest.size() && name_char(rest[n])) ++n;
  const std::string_view name = rest.substr(0, n);
  rest.remove_prefix(n);
  return name;
}

// Up to the closing quote, which is cut off too.
bool cut_value(std::string_view& rest, std::string& out) {
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return true;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) {
      ++i;
      out += rest[i] == 'n' ? '\n' : rest[i];
    } else {
      out += rest[i];
    }
  }
  return false;
}

bool parse_line(std::string_view line, Sample& out) {
  out.name = cut_name(line);
  if (out.name.empty()) return false;
  if (line.starts_with('{')) {
    line.remove_prefix(1);
    while (!line.starts_with('}')) {
      const std::string label(cut_name(line));
      if (label.empty() || !line.starts_with("=\"")) return false;
      line.remove_prefix(2);
      if (!cut_value(line, out.labels[label])) return false;
      if (line.starts_with(',')) line.remove_prefix(1);
    }
    line.remove_prefix(1);
  }
  const std::string_view number = scan::next_word(line);
  if (number == "+Inf") return out.value = 1e308 * 10, true;
  return scan::number(number, out.value);
}

}  // namespace

std::string_view Sample::label(std::string_view which) const {
  const auto found = labels.find(which);
  return found == labels.end() ? std::string_view{} : std::string_view(found->second);
}

void Samples::parse(std::string_view exposition) {
  for (std::string_view line; scan::next_line(exposition, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (Sample sample; parse_line(line, sample)) all_.push_back(std::move(sample));
  }
}

std::vector<const Sample*> Samples::of(std::string_view name) const {
  std::vector<const Sample*> found;
  for (const Sample& sample : all_)
    if (sample.name == name) found.push_back(&sample);
  return found;
}

std::optional<double> Samples::value(std::string_view name, std::string_view label, std::string_view is) const {
  for (const Sample& sample : all_)
    if (sample.name == name && (label.empty() || sample.label(label) == is)) return sample.value;
  return std::nullopt;
}

}  // namespace fencewatch
