// The settings that flags and the YAML file share, with what their values may be.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/config.h"

namespace fencewatch {

// A setting that flags and the file share: --web.max-requests and web: {max-requests: }. `apply` throws Refused.
using Values = std::vector<std::string>;
enum class Kind { text, list, boolean };
struct Setting {
  std::string name;
  Kind kind;
  std::string help;
  void (*apply)(Config& config, const Values& values);
};

struct Refused : std::runtime_error {
  using runtime_error::runtime_error;
};

// All of them, one for each collector included. Those of collectors are applied by config.cc, which knows the defaults.
std::vector<Setting> settings_with(std::span<const Spec* const> collectors);

bool is_true(const Values& values);

// For messages, which stay one line.
std::string in_quotes(std::string_view value);

}  // namespace fencewatch
