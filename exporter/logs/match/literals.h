// The literals of a regular expression without one of which no text matches it.
#pragma once

#include <re2/re2.h>

#include <string>
#include <string_view>
#include <vector>

namespace fencewatch {

// Lower case: every text that matches holds at least one of them, ASCII case ignored. Empty: nothing can be told, ask RE2. None is shorter
// than `shortest`. The expression must be one that RE2 takes with these options.
std::vector<std::string> required_literals(std::string_view expression, const re2::RE2::Options& options, size_t shortest);

}  // namespace fencewatch
