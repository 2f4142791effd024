// collectors/METRICS.md: the reference of all metrics, printed by --describe.
#pragma once

#include <span>
#include <string>

#include "exporter/collect/collector.h"

namespace fencewatch {

// One heading and table a collector, then the `own` families of the exporter itself.
std::string describe(std::span<const Spec* const> collectors, std::span<const std::span<const Family>> own);

}  // namespace fencewatch
