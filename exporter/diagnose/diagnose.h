// Why nodes were fenced: a report made of what is known of them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "exporter/report/facts.h"
#include "exporter/report/findings.h"
#include "exporter/report/report.h"

namespace fencewatch {

// Incidents outside of these times are not told; findings are of the whole.
struct Period {
  int64_t since_us = 0, until_us = std::numeric_limits<int64_t>::max();
};

Report diagnose(std::span<const Facts> nodes, const Rules& rules, Period period = {});

}  // namespace fencewatch
