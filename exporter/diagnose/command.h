// fencewatch diagnose [PATH…]
#pragma once

#include <span>
#include <string>

#include "exporter/collect/collector.h"
#include "exporter/report/findings.h"

namespace fencewatch {

struct Printed {
  int exit = 0;  // 0 nothing found, 1 latent, 2 an incident or signs of one, 3 could not tell; 64: the command is wrong
  std::string out, error;
};

// `argv` without the word diagnose.
Printed diagnose_command(int argc, const char* const* argv, std::span<const Spec* const> collectors, const Rules& rules);

}  // namespace fencewatch
