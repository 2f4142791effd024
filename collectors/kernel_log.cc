// What the kernel says of trouble that is not of memory: kernel/watchdog.c, kernel/hung_task.c, kernel/rcu/tree_stall.h, kernel/panic.c,
// arch/x86/kernel/cpu/mce, drivers/edac, net/sched/sch_generic.c, drivers of network devices, block/blk-core.c, drivers/scsi, file systems.
#include "collectors/host/line_counts.h"

namespace fencewatch {
namespace {

enum { kHangs, kCrashes, kHardware, kNetwork, kStorage };
constexpr Family kFamilies[] = {
    {"fencewatch_host_hangs_total", Type::counter,
     "Times the kernel told of a CPU or a task that did not get on (soft_lockup, hard_lockup, hung_task, rcu_stall), of real-time "
     "processes "
     "that were held back (rt_throttled) or of a clock that does not keep time, from the kernel's log.",
     "kind"},
    {"fencewatch_kernel_crashes_total", Type::counter,
     "Panics, oopses and crashes that were asked for (sysrq), from the kernel's log, which a crash seldom reaches.", "kind"},
    {"fencewatch_hardware_errors_total", Type::counter, "Errors of processor, memory, PCIe or cooling, from the kernel's log.", "kind"},
    {"fencewatch_network_device_events_total", Type::counter,
     "Network devices that lost or got their link, hung, or did not send, from the kernel's log; device is other beyond 32.",
     "device,kind"},
    {"fencewatch_storage_errors_total", Type::counter, "Errors of disks, paths to them, and of file systems, from the kernel's log.",
     "kind"},
};
constexpr const Family *kHang = &kFamilies[kHangs], *kCrash = &kFamilies[kCrashes], *kBroken = &kFamilies[kHardware],
                       *kNet = &kFamilies[kNetwork], *kDisk = &kFamilies[kStorage];

// Anchored as in memory/oom_log.cc: users may have other programs print such words.
#define BEGIN R"(^\s*(?:\[[^\]]*\]\s*)*)"
constexpr Channel kKernel = Channel::kernel;
constexpr CountedLine kLines[] = {
    {{kKernel, BEGIN R"((?:(?:NMI )?watchdog: )?BUG: soft lockup - CPU#(\d+) stuck for (\d+)s!)",
      "watchdog: BUG: soft lockup - CPU#19 stuck for 22s! [migration/19:104]", "soft_lockup", "cpu,seconds"},
     kHang,
     "soft_lockup"},
    {{kKernel, R"(Watchdog detected hard LOCKUP on cpu (\d+))", "NMI watchdog: Watchdog detected hard LOCKUP on cpu 3", "hard_lockup",
      "cpu"},
     kHang,
     "hard_lockup"},
    {{kKernel, BEGIN R"(INFO: task (.{1,16}):\d+ blocked (?:in \w+ )?for more than (\d+) seconds)",
      "INFO: task jbd2/dm-0-8:412 blocked for more than 120 seconds.", "hung_task", "task,seconds"},
     kHang,
     "hung_task"},
    {{kKernel, BEGIN R"((?:rcu: )?INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?)",
      "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:", "rcu_stall"},
     kHang,
     "rcu_stall"},
    {{kKernel, BEGIN R"(sched: RT throttling activated)", "sched: RT throttling activated", "rt_throttled"}, kHang, "rt_throttled"},
    {{kKernel, BEGIN R"((?i:clocksource).*(?:unstable|skewed)|^\s*hrtimer: interrupt took )",
      "clocksource: timekeeping watchdog on CPU2: Marking clocksource 'tsc' as unstable because the skew is too large:", "clock_unstable"},
     kHang,
     "clock_unstable"},

    {{kKernel, BEGIN R"(Kernel panic - not syncing: (.*))", "Kernel panic - not syncing: Fatal exception in interrupt", "panic", "reason"},
     kCrash,
     "panic"},
    {{kKernel,
      BEGIN R"((?:BUG: unable to handle |BUG: kernel NULL pointer|Unable to handle kernel |general protection fault[:,]|kernel BUG at )"
            R"(|Internal error: |Oops: ))",
      "BUG: unable to handle kernel NULL pointer dereference at 0000000000000008", "oops"},
     kCrash,
     "oops"},
    {{kKernel, R"((?i:sysrq) ?: (?:SysRq : )?Trigger a crash|sysrq triggered crash)", "sysrq: Trigger a crash", "sysrq_crash"},
     kCrash,
     "sysrq"},

    {{kKernel, R"(\[Hardware Error\]: .*(?:Machine Check Exception|Machine check: |[Uu]ncorrected|[Ff]atal|context corrupt))",
      "mce: [Hardware Error]: CPU 18: Machine Check Exception: 5 Bank 7: be00000001010091", "machine_check"},
     kBroken,
     "machine_check"},
    {{kKernel, R"(\[Hardware Error\]: (?:Machine check events logged|.*[Cc]orrected error|.*Hardware error from APEI))",
      "mce: [Hardware Error]: Machine check events logged", "hardware_corrected"},
     kBroken,
     "corrected"},
    {{kKernel, R"(EDAC \S+: (?:UE|\d+ UE) |^\s*Memory failure: 0x)", "EDAC MC0: 1 UE memory read error on CPU_SrcID#0_Ha#0_Chan#1_DIMM#0",
      "memory_error"},
     kBroken,
     "memory"},
    {{kKernel, R"(PCIe Bus Error: severity=Uncorrected|AER: Uncorrected)",
      "pcieport 0000:00:1c.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer", "pcie_error"},
     kBroken,
     "pcie"},
    {{kKernel, R"(NMI: (?:PCI system error|IOCK error)|Uhhuh\. NMI received for unknown reason)",
      "Uhhuh. NMI received for unknown reason 3d on CPU 0.", "unknown_nmi"},
     kBroken,
     "nmi"},
    {{kKernel, R"(temperature above threshold, cpu clock throttled|[Cc]ritical temperature reached)",
      "CPU3: Core temperature above threshold, cpu clock throttled (total events = 1)", "overheated"},
     kBroken,
     "temperature"},

    {{kKernel, R"(([\w.-]+)(?::| NIC|: NIC) [Ll]ink (?:is )?[Dd]own\b)", "igb 0000:01:00.0 eno1: igb: eno1 NIC Link is Down",
      "nic_link_down", "device"},
     kNet,
     "link_down",
     true},
    {{kKernel, R"(([\w.-]+)(?::| NIC|: NIC) [Ll]ink (?:is )?[Uu]p\b)",
      "igb 0000:01:00.0 eno1: igb: eno1 NIC Link is Up 1000 Mbps Full Duplex", "nic_link_up", "device"},
     kNet,
     "link_up",
     true},
    {{kKernel, R"(([\w.-]+): Detected (?:Tx|Hardware) Unit Hang)", "e1000e 0000:00:1f.6 eno1: Detected Hardware Unit Hang:", "nic_hang",
      "device"},
     kNet,
     "hang",
     true},
    {{kKernel, R"(NETDEV WATCHDOG: ([\w.-]+).*transmit queue \d+ timed out)", "NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out",
      "nic_transmit_timeout", "device"},
     kNet,
     "transmit_timeout",
     true},
    {{kKernel, R"(link status definitely down for interface ([\w.-]+))",
      "bond0: link status definitely down for interface eth1, disabling it", "bond_link_down", "device"},
     kNet,
     "bond_link_down",
     true},
    {{kKernel, R"(([\w.-]+): now running without any active interface)", "bonding: bond0: now running without any active interface!",
      "bond_down", "device"},
     kNet,
     "bond_down",
     true},

    {{kKernel, R"((?:I/O|critical \w+) error, dev ([\w/-]+), (?:sector|logical)|Buffer I/O error on dev)",
      "blk_update_request: I/O error, dev sda, sector 2048", "io_error", "disk"},
     kDisk,
     "io_error"},
    {{kKernel, R"(multipath: .*Failing path)", "device-mapper: multipath: Failing path 8:16.", "path_failed"}, kDisk, "path_failed"},
    {{kKernel, R"(rejecting I/O to (?:offline|dead) device|Device offlined)", "sd 2:0:0:0: rejecting I/O to offline device",
      "disk_offline"},
     kDisk,
     "disk_offline"},
    {{kKernel,
      R"(hostbyte=DID_(?:NO_CONNECT|TRANSPORT\w*|TIME_OUT|BUS_BUSY|ABORT)|attempting task abort|blocked FC remote port time out)"
      R"(|detected conn error|ping timeout of \d+ secs expired)",
      "sd 2:0:0:0: [sdb] FAILED Result: hostbyte=DID_TRANSPORT_DISRUPTED driverbyte=DRIVER_OK", "scsi_error"},
     kDisk,
     "scsi"},
    {{kKernel, R"(nvme\S* .*(?:I/O \d+ .*timeout|controller is down))", "nvme nvme0: I/O 12 QID 4 timeout, aborting", "nvme_timeout"},
     kDisk,
     "nvme"},
    {{kKernel, R"(nfs: server (\S+) not responding)", "nfs: server 192.0.2.9 not responding, still trying", "nfs_not_responding", "server"},
     kDisk,
     "nfs"},
    {{kKernel,
      R"(EXT\d-fs error |XFS \([^)]*\): .*(?:I/O [Ee]rror|[Cc]orruption|hut ?down)|emounting filesystem read-only|GFS2: .*withdraw)"
      R"(|Aborting journal on device)",
      "EXT4-fs (sda1): Remounting filesystem read-only", "filesystem_error"},
     kDisk,
     "filesystem"},
    {{kKernel, R"(fence-peer helper returned \d+|PingAck did not arrive in time)", "block drbd0: fence-peer helper returned 7",
      "drbd_lost"},
     kDisk,
     "drbd"},

    // Zones as an OOM dump or an allocation failure shows them.
    {{kKernel, R"(Node \d+ (\w+) free:(\d+)kB .*\bpresent:(\d+)kB managed:(\d+)kB)",
      "Node 0 Normal free:2836kB min:2916kB low:3644kB high:4372kB active_anon:469092kB present:524288kB managed:131072kB mlocked:0kB",
      "zone_dump", "zone,free,present,managed"}},
    // Of a boot; the collector boot has them from elsewhere.
    {{kKernel, BEGIN R"(Linux version (\S+) )",
      "Linux version 4.19.90-25.16.v2101.ky10.x86_64 (build@build) (gcc version 7.3.0 (GCC)) #1 SMP", "boot", "release"}},
    {{kKernel, R"(EXT\d-fs \([^)]*\): recovery complete|XFS \([^)]*\): Starting recovery|was not properly unmounted)",
      "EXT4-fs (sda1): recovery complete", "filesystem_recovery"}},
    {{kKernel, R"((?i:sysrq) ?: (?:SysRq : )?Resetting)", "sysrq: Resetting", "sysrq_reset"}},
    {{kKernel, R"(watchdog: watchdog\d+: watchdog did not stop!)", "watchdog: watchdog0: watchdog did not stop!", "watchdog_not_stopped"}},
};
#undef BEGIN

}  // namespace

extern const Spec kernel_log;
constinit const Spec kernel_log = {
    .name = "kernel_log",
    .summary = "What the kernel says of hangs, crashes, hardware, network devices and storage (its log)",
    .families = kFamilies,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<LineCounts>(kFamilies, kLines); },
};

}  // namespace fencewatch
