#include "exporter/collect/describe.h"

namespace fencewatch {
namespace {

// A cell of a Markdown table: a bar would end it.
void cell(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::counter:
      return "counter";
    case Type::histogram:
      return "histogram";
    case Type::gauge:
      break;
  }
  return "gauge";
}

void rows(std::span<const Family> families, std::string& out) {
  for (const Family& family : families) {
    out.append("| `").append(family.name).append("` | ").append(type_name(family.type)).append(" | ");
    cell(family.labels, out);
    out += " | ";
    cell(family.help, out);
    out += " |\n";
  }
}

constexpr std::string_view kTableHead = "| metric | type | labels | help |\n|---|---|---|---|\n";

}  // namespace

std::string describe(std::span<const Spec* const> collectors, std::span<const std::span<const Family>> own) {
  std::string out = "# Metrics\n\nPrinted by `fencewatch --describe`. A series that the kernel does not provide is absent, not 0.\n";
  for (const Spec* spec : collectors) {
    out.append("\n## ").append(spec->name).append("\n\n").append(spec->summary).append("\n");
    if (!spec->on_by_default) out.append("\nOff unless `--collector.").append(spec->name).append("` is given.\n");
    out.append("\n").append(kTableHead);
    rows(spec->families, out);
  }
  out.append("\n## the exporter itself\n\n").append(kTableHead);
  for (const std::span<const Family> families : own) rows(families, out);
  return out;
}

}  // namespace fencewatch
