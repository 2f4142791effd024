// The page at /: what this is, where the metrics are, and how each collector does.
#pragma once

#include <string>
#include <string_view>

namespace fencewatch {

struct Config;
class Runner;

std::string landing_page(const Config& config, const Runner& runner, std::string_view version, std::string_view revision);

}  // namespace fencewatch
