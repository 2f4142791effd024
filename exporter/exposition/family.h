// One metric family, and how the exposition formats head it: https://prometheus.io/docs/instrumenting/exposition_formats/ and
// https://prometheus.io/docs/specs/om/open_metrics_spec/
#pragma once

#include <cstdint>
#include <string_view>

#include "exporter/base/bytes.h"

namespace fencewatch {

enum class Type : uint8_t { gauge, counter, histogram };
enum class Format : uint8_t { text, openmetrics };

// One metric family as METRICS.md shows it. Constant data, one per family, beside the collector that emits it.
struct Family {
  std::string_view name;  // with the prefix, and with _total on counters
  Type type;
  std::string_view help;    // names the source, ends with a full stop
  std::string_view labels;  // comma separated label names, for --describe and the contract test
};

// # HELP, # TYPE and, in OpenMetrics, # UNIT.
void append_header(const Family& family, Format format, Bytes& out);

}  // namespace fencewatch
