// The settings that flags and the YAML file share, with what their values may be.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/refused.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"

namespace fencewatch {

// A setting that flags and the file share: --web.max-requests and web: {max-requests: }. `apply` throws Refused.
using Values = std::vector<std::string>;
enum class Kind { text, list, boolean };
struct Option {
  std::string name;
  Kind kind;
  std::string help;
  void (*apply)(Settings& settings, const Values& values);
};

// All of them, one for each collector included. Those of collectors are applied by config.cc, which knows the defaults.
std::vector<Option> options_with(std::span<const Spec* const> collectors);

bool is_true(const Values& values);

}  // namespace fencewatch
