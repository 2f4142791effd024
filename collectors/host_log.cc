// What programs beside corosync and pacemaker say of the machine and its cluster: spausedd (spausedd.c), Proxmox VE's watchdog-mux, pmxcfs
// and HA managers, corosync-qdevice (qdevices/), dlm_controld (dlm_controld/fence.c), systemd (src/core, src/shutdown, src/journal).
#include "collectors/host/line_counts.h"

namespace fencewatch {
namespace {

enum { kPauses, kWatchdogMux, kProxmox, kQdevice, kDlm };
constexpr Family kFamilies[] = {
    {"fencewatch_spausedd_pauses_total", Type::counter,
     "Times spausedd, which asks for the CPU as corosync does, did not get it in time, 'Not scheduled for' in spausedd's log.", ""},
    {"fencewatch_watchdog_mux_events_total", Type::counter,
     "Clients that no longer answer, a node is reset about 10 s after the first, from watchdog-mux's log (Proxmox VE).", "kind"},
    {"fencewatch_proxmox_events_total", Type::counter, "Signs of a node in trouble, from Proxmox VE's logs: pmxcfs and the HA managers.",
     "kind"},
    {"fencewatch_qdevice_failures_total", Type::counter, "Times qnetd could not be reached, from corosync-qdevice's log.", ""},
    {"fencewatch_dlm_fence_requests_total", Type::counter, "Nodes that were asked to be fenced, from dlm_controld's log.", ""},
};
constexpr const Family *kPaused = &kFamilies[kPauses], *kMux = &kFamilies[kWatchdogMux], *kPve = &kFamilies[kProxmox];

constexpr Channel kHost = Channel::host;
constexpr CountedLine kLines[] = {
    {{kHost, R"(Not scheduled for ([\d.]+)s \(threshold is [\d.]+s\)(?:, steal time is [\d.]+s \(([\d.]+)%\))?)",
      "Not scheduled for 3.2041s (threshold is 0.2000s), steal time is 2.9128s (90.91%)", "not_scheduled", "seconds,steal"},
     kPaused},
    {{kHost, R"(watchdog is about to expire)", "client (PID 1201) watchdog is about to expire", "watchdog_mux_warning"},
     kMux,
     "about_to_expire"},
    {{kHost, R"(client watchdog expired - disable watchdog updates)", "client watchdog expired - disable watchdog updates",
      "watchdog_mux_expired"},
     kMux,
     "expired"},
    {{kHost, R"(exit watchdog-mux with active connections)", "exit watchdog-mux with active connections", "watchdog_mux_exit"},
     kMux,
     "exit_with_connections"},
    {{kHost, R"(node '(\S+)': state changed from '\w+' => 'fence')", "node 'pve3': state changed from 'unknown' => 'fence'",
      "proxmox_fence", "target"},
     kPve,
     "fence"},
    {{kHost, R"(loop take too long \((\d+) seconds\))", "loop take too long (34 seconds)", "proxmox_slow", "seconds"}, kPve, "slow"},
    {{kHost, R"(node lost quorum)", "[status] notice: node lost quorum", "proxmox_quorum_lost"}, kPve, "quorum_lost"},
    {{kHost, R"(Can't connect to qnetd host|Connect timeout|Connection to qnetd.*(?:lost|failed)|PR_(?:CONNECT_RESET|IO_TIMEOUT)_ERROR)",
      "Can't connect to qnetd host. (-5986): Network address not available (in use?)", "qdevice_failure"},
     &kFamilies[kQdevice]},
    {{kHost, R"(fence request (\d+) pid )", "fence request 2 pid 4711 nodedown time 1700000000 fence_all dlm_stonith", "dlm_fence", "id"},
     &kFamilies[kDlm]},

    // How a boot ends. A user's systemd reaches "Shutdown" with every session that ends.
    {{kHost, R"(Reached target .*(?:[Rr]eboot|[Pp]ower.?[Oo]ff|[Hh]alt|Final Step|final\.target))", "Reached target Reboot.", "shutdown"}},
    {{kHost,
      R"(Sending SIGTERM to remaining processes|Syncing filesystems and block devices|shutting down for system[ ](?:reboot|halt))"
      R"(|System is (?:rebooting|powering down|halting)|The system will (?:reboot|power off|be halted) now)",
      "Syncing filesystems and block devices.", "shutdown"}},
    {{kHost, R"(Power key pressed)", "Power key pressed.", "power_key"}},
    {{kHost, R"(corrupted or uncleanly shut down, renaming and replacing)",
      "File /var/log/journal/0123456789abcdef0123456789abcdef/system.journal corrupted or uncleanly shut down, renaming and replacing.",
      "unclean_journal"}},
    {{kHost, R"(corosync\.service: (?:Main process exited|Failed with result|main process exited))",
      "corosync.service: Main process exited, code=killed, status=9/KILL", "corosync_died"}},
};

}  // namespace

extern const Spec host_log;
constinit const Spec host_log = {
    .name = "host_log",
    .summary = "What spausedd, Proxmox VE, qdevice, dlm and systemd say of the node (their logs)",
    .families = kFamilies,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<LineCounts>(kFamilies, kLines); },
};

}  // namespace fencewatch
