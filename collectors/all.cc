// The table of contents: adding a collector is one line in each of the two lists.
#include "exporter/collect/collector.h"

namespace fencewatch {

extern const Spec zone, oom, reclaim, fragmentation, pressure, kernel, boot, corosync_live, corosync_log, fencing, custom;

std::span<const Spec* const> all_collectors() {
  static constinit const Spec* const table[] = {&zone, &oom,           &reclaim,      &fragmentation, &pressure, &kernel,
                                                &boot, &corosync_live, &corosync_log, &fencing,       &custom};
  return table;
}

}  // namespace fencewatch
