// What the flags and the configuration file ask for: plain values that every room may know. exporter/config reads and checks them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/line.h"

namespace fencewatch {

struct NodePaths {
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string rootfs = "/";
};

// An event of the user's own: custom_rules.h says what is checked.
struct CustomRule {
  std::string name;
  Channel channel = Channel::kernel;  // or plain_file(): the rules of one file have the same
  std::string file;                   // below the root; empty: a channel
  std::string pattern;                // RE2, searched for anywhere in the text of a line
  std::vector<std::string> labels;    // named groups of it
  std::string value;                  // one more that holds a number: is added, or observed; empty: lines are counted
  std::vector<double> buckets;        // not empty: a histogram of `value`, else a counter
  size_t max_series = 100;            // the rest is counted with "other" in all labels
  std::string help, example;
  size_t group_of(std::string_view name) const;  // as in Match::groups; the name is one of the pattern's
};

struct Settings {
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
  bool realtime = true;
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

}  // namespace fencewatch
