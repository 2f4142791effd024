#include "tests/unit/collected.h"

#include <doctest/doctest.h>

#include "exporter/base/scan.h"

namespace fencewatch::test {

std::string rendered(const Page& page) {
  Bytes out;
  page.render(Format::text, out);
  return std::string(out.view());
}

std::string samples(const Page& page) {
  const std::string text = rendered(page);
  std::string out;
  std::string_view rest = text, line;
  while (scan::next_line(rest, line)) {
    if (!line.starts_with('#')) out.append(line).append("\n");
  }
  return out;
}

std::string shown(const Spec& spec, const Node& node) {
  Run run(spec);
  const Status status = run.collect(node);
  CAPTURE(status.file);
  CAPTURE(status.line);
  CAPTURE(status.text);
  REQUIRE(status);
  return samples(run.page);
}

void check_fault(const Spec& spec, const Node& node, Code code, std::string_view file, uint32_t line) {
  Run run(spec);
  const Status status = run.collect(node);
  CAPTURE(status.text);
  CHECK(name(status.code) == name(code));
  CHECK(status.file == file);
  CHECK(status.line == line);
}

}  // namespace fencewatch::test
