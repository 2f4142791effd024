// The page at /: what this is, where the metrics are, and how each collector does.
#pragma once

#include <string>
#include <string_view>

namespace fencewatch {

struct Settings;
class Runner;

std::string landing_page(const Settings& settings, const Runner& runner, std::string_view version, std::string_view revision);

}  // namespace fencewatch
