#include "exporter/exposition/family.h"

namespace fencewatch {
namespace {

std::string_view type_name(Type type) {
  switch (type) {
    case Type::gauge:
      return "gauge";
    case Type::counter:
      return "counter";
    case Type::histogram:
      break;
  }
  return "histogram";
}

constexpr std::string_view kTotal = "_total";

// The unit that an OpenMetrics name ends with, without its underscore.
std::string_view unit_of(std::string_view name) {
  for (const std::string_view unit : {"_seconds", "_bytes", "_ratio", "_pages"})
    if (name.ends_with(unit)) return unit.substr(1);
  return {};
}

void append_help(std::string_view help, Format format, Bytes& out) {
  const char quote = format == Format::openmetrics ? '"' : '\\';
  const auto special = [quote](char c) { return (c == '\\') | (c == '\n') | (c == quote); };
  int any = 0;  // counted without a branch, so that it is vectorized: nearly all have none
  for (const char c : help) any |= special(c);
  if (!any) return out.append(help);
  for (const char& c : help) {
    const char escape[2] = {'\\', c == '\n' ? 'n' : c};
    out.append(special(c) ? std::string_view(escape, 2) : std::string_view(&c, 1));
  }
}

}  // namespace

void append_header(const Family& family, Format format, Bytes& out) {
  std::string_view name = family.name;
  const bool openmetrics = format == Format::openmetrics;
  if (openmetrics && family.type == Type::counter && name.ends_with(kTotal)) name.remove_suffix(kTotal.size());
  out.append("# HELP ");
  out.append(name);
  out.append(" ");
  append_help(family.help, format, out);
  out.append("\n# TYPE ");
  out.append(name);
  out.append(" ");
  out.append(type_name(family.type));
  out.append("\n");
  const std::string_view unit = openmetrics ? unit_of(name) : std::string_view{};
  if (unit.empty()) return;
  out.append("# UNIT ");
  out.append(name);
  out.append(" ");
  out.append(unit);
  out.append("\n");
}

}  // namespace fencewatch
