// The JSON of diagnose and of /api/v1/status. Its schema is in exporter/report/README.md; "schema" is its version.
#pragma once

#include <string>

#include "exporter/report/report.h"

namespace fencewatch {

// Bytes that are no UTF-8 become U+FFFD.
std::string to_json(const Report& report);

}  // namespace fencewatch
