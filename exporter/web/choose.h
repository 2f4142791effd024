// collect[] and exclude[] of a scrape.
#pragma once

#include <string>
#include <string_view>

#include "exporter/collect/runner.h"

namespace fencewatch {

// What they leave of the enabled collectors; all without them. False, and why: both are given, or a name is not enabled.
bool choose(std::string_view query, const Runner& runner, Runner::Mask& mask, std::string& fault);

}  // namespace fencewatch
