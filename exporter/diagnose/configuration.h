// What a node's administrator has set: corosync.conf(5), sysconfig of sbd and pacemaker, the timeouts on sbd's disk as `sbd dump` prints
// them.
#pragma once

#include "exporter/node/node.h"
#include "exporter/report/facts.h"

namespace fencewatch {

// Files that are not there say nothing; what cannot be understood in one is passed over.
void read_configuration(const Node& node, Facts& out);

}  // namespace fencewatch
