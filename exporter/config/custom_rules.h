// Events of the user's own, `custom_events:` in the configuration file: what is checked before the start, so that a rule that would never
// count is not found out in the night when it should have.
//
//   custom_events:
//     - name: nfs_stalls_total
//       channel: kernel
//       pattern: 'nfs: server (?P<server>\S+) not responding'
//       labels: [server]
//       help: NFS servers that did not answer.
//       example: 'nfs: server n1 not responding, still trying'
//     - name: myapp_pause_seconds
//       file: /var/log/myapp.log
//       pattern: 'pause of (?P<pause>[0-9.]+) s'
//       value: pause
//       buckets: [1, 5, 30]
//       help: Pauses.
//       example: 'a pause of 2.5 s'
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collect/collector.h"

namespace YAML {
class Node;
}

namespace fencewatch {

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

// Reads the list and checks it: each pattern must match its example, each name must be free. Throws Refused (settings.h) with `file` and
// line.
std::vector<CustomRule> read_custom_rules(const YAML::Node& list, const std::string& file, std::span<const Spec* const> collectors);

}  // namespace fencewatch
