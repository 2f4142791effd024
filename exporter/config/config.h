// Flags and the YAML file. config.cc is the only file that knows argv (CLI11). An unknown flag, collector or key
// refuses the start with one line that names it, for YAML with file and line.
#pragma once

#include <span>
#include <string>

#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"

namespace fencewatch {

// `exit` >= 0: the program ends with that code after `message` was printed to stdout (exit 0) or stderr.
struct Parsed {
  Settings settings;
  int exit = -1;
  std::string message;
};
Parsed parse_arguments(int argc, const char* const* argv, std::span<const Spec* const> collectors);

}  // namespace fencewatch
