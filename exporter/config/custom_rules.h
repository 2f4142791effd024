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

#include "exporter/base/refused.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"

namespace YAML {
class Node;
}

namespace fencewatch {

// Reads the list and checks it: each pattern must match its example, each name must be free. Throws Refused with `file` and
// line.
std::vector<CustomRule> read_custom_rules(const YAML::Node& list, const std::string& file, std::span<const Spec* const> collectors);

}  // namespace fencewatch
