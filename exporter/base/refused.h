// What the user wrote is refused: one line that names it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace fencewatch {

struct Refused : std::runtime_error {
  using runtime_error::runtime_error;
};

// For messages, which stay one line.
std::string in_quotes(std::string_view value);

}  // namespace fencewatch
