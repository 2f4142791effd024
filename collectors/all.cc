// The table of contents: adding a collector is one line in each of the two lists.
#include "exporter/collect/collector.h"

namespace fencewatch {

extern const Spec zone;
extern const Spec oom;
extern const Spec reclaim;
extern const Spec fragmentation;
extern const Spec pressure;
extern const Spec kernel;
extern const Spec boot;
extern const Spec corosync_live;
extern const Spec corosync_log;
extern const Spec fencing;
extern const Spec pacemaker_log;
extern const Spec kernel_log;
extern const Spec host_log;
extern const Spec custom;

std::span<const Spec* const> all_collectors() {
  static constinit const Spec* const table[] = {
      &zone,           //
      &oom,            //
      &reclaim,        //
      &fragmentation,  //
      &pressure,       //
      &kernel,         //
      &boot,           //
      &corosync_live,  //
      &corosync_log,   //
      &fencing,        //
      &pacemaker_log,  //
      &kernel_log,     //
      &host_log,       //
      &custom,         //
  };
  return table;
}

}  // namespace fencewatch
