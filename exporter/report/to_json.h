#pragma once

#include <string>

#include "exporter/report/report.h"

namespace fencewatch {

// The schema is in docs/diagnose-json.md, with a version of its own in "schema".
std::string to_json(const Report& report);

}  // namespace fencewatch
