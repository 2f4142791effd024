// Flags and the YAML file. config.cc is the only file that knows argv (CLI11). An unknown flag, collector or key
// refuses the start with one line that names it, for YAML with file and line.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collect/collector.h"
#include "exporter/config/custom_rules.h"
#include "exporter/base/line.h"
#include "exporter/node/node.h"

namespace fencewatch {

struct Config {
  enum class Mode { serve, once, describe, check };
  Mode mode = Mode::serve;
  NodePaths paths;
  std::vector<std::string> listen_addresses = {":19664"};
  std::string web_config_file;  // empty: none
  bool health_open = false;
  bool systemd_socket = false;
  std::string telemetry_path = "/metrics";
  int max_requests = 40;  // 0: no bound
  bool exporter_metrics = true;
  std::string log_level = "info";
  std::string log_format = "logfmt";
  std::string journal_dir;                                        // empty: below the root
  std::array<std::vector<std::string>, kChannels> log_sources{};  // by channel, the best first; empty: the usual ones
  bool log_from_start = false;
  std::string state_dir = "/var/lib/fencewatch";
  std::string kernel_advisories;     // a file in place of the built-in list; empty: built in
  std::string corosync_library_dir;  // where libcmap and its kin are looked for first; empty: where the loader looks
  std::vector<CustomRule> custom_rules;
  std::vector<bool> enabled;  // beside all_collectors()

  bool wants(size_t collector) const { return collector < enabled.size() && enabled[collector]; }
};

// `exit` >= 0: the program ends with that code after `message` was printed to stdout (exit 0) or stderr.
struct Parsed {
  Config config;
  int exit = -1;
  std::string message;
};
Parsed parse_arguments(int argc, const char* const* argv, std::span<const Spec* const> collectors);

}  // namespace fencewatch
