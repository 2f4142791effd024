#include "exporter/collect/describe.h"

#include <doctest/doctest.h>

using namespace fencewatch;

TEST_CASE("the reference shows each family once, with its collector") {
  static constexpr Family kills[] = {{"fencewatch_kills_total", Type::counter, "Kills by a|b, from /proc/vmstat.", "kind"}};
  static constexpr Family own[] = {{"fencewatch_up", Type::gauge, "One.", ""}, {"fencewatch_seconds", Type::histogram, "Time.", "code"}};
  static constexpr Spec oom{.name = "oom", .summary = "Kills by the kernel", .families = kills, .make = nullptr};
  static constexpr Spec off{.name = "off", .summary = "Rare", .families = {}, .make = nullptr, .on_by_default = false};
  const Spec* const specs[] = {&oom, &off};
  const std::span<const Family> exporter[] = {own};
  const std::string page = describe(specs, exporter);
  const std::string head = "| metric | type | labels | help |\n|---|---|---|---|\n";
  CHECK(page.starts_with("# Metrics\n"));
  CHECK(page.substr(page.find("\n## oom")) ==
        "\n## oom\n\nKills by the kernel\n\n" + head +
            "| `fencewatch_kills_total` | counter | kind | Kills by a\\|b, from /proc/vmstat. |\n"
            "\n## off\n\nRare\n\nOff unless `--collector.off` is given.\n\n" +
            head + "\n## the exporter itself\n\n" + head +
            "| `fencewatch_up` | gauge |  | One. |\n| `fencewatch_seconds` | histogram | code | Time. |\n");
}
