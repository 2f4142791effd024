// A report that may be sent on.
#pragma once

#include "exporter/report/report.h"

namespace fencewatch {

// Names of nodes and of other hosts that its lines name, addresses (IPv4, IPv6, MAC), labels of pods and their UIDs are replaced, each by
// the same word wherever it stands: "host1", "address2", "pod3". Paths of reports go. What else a line of a log says stays.
void redact(Report& report);

}  // namespace fencewatch
