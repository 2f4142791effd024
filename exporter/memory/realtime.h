// The threads that scrape, collect and answer run with a real-time priority, as corosync does: in a shortage of memory every ordinary
// process hangs in reclaim, and a watcher that hangs with them is none. sched(7), setrlimit(2) RLIMIT_RTPRIO and RLIMIT_RTTIME.
//
// The lowest priority of SCHED_RR: nothing that is real-time waits for us. A thread that does not sleep for kLongestRun is found by
// RLIMIT_RTTIME, and all of ours are ordinary from then on: no fault of ours can keep a CPU.
#pragma once

#include <chrono>

namespace fencewatch::realtime {

inline constexpr std::chrono::seconds kLongestRun{2};

// Before any thread is made: from now on enter() may do something. Memory is taken from the node on which a thread runs, and is not marked
// for NUMA balancing, whose hinting faults wait for a lock that a dying machine holds for minutes. For the threads made afterwards.
void prepare();

// The calling thread, for its life. Safe to call from any; without prepare(), or when it was refused once, nothing happens.
void enter() noexcept;

// Whether the threads that entered run with it now.
bool active();

// The errno of the first refusal, 0: there was none.
int refusal();

// Where the kernel gives real-time time to control groups one by one and ours has none (CONFIG_RT_GROUP_SCHED with cgroup v1: Kylin V10,
// RHEL 7 and 8), sched_setscheduler(2) says EPERM whatever one may. True when that is so.
bool group_has_no_time();

}  // namespace fencewatch::realtime
