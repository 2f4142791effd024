// /proc/pressure/{cpu,memory,io,irq}: kernel Documentation/accounting/psi.rst. A line each for `some` and `full`, of which cpu had only
// the first before 5.13 and irq has only the second.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "exporter/base/status.h"

namespace fencewatch {

// Microseconds since boot for which some tasks, or all that were not idle, waited.
struct Psi {
  std::optional<uint64_t> some, full;
};

Status parse_psi(std::string_view text, Psi& out);

}  // namespace fencewatch
