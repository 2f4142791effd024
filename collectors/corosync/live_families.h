// What the collector corosync_live tells.
#pragma once

#include "exporter/exposition/family.h"

namespace fencewatch {

// In the order of kLiveFamilies.
enum {
  kUp,
  kToken,
  kWarning,
  kConsensus,
  kNodes,
  kMembers,
  kQuorate,
  kVotes,
  kExpectedVotes,
  kNeededVotes,
  kLosses,
  kMemberships,
  kSinceToken,
  kRotation,
  kLinkConnected,
  kLinkLatency,
  kLinksDown,
  kLastMiss,
  kRealtime,
  kLocked,
  kFaults,
  kStalled,
  kMisses,
  kGaps,
  kNearMisses,
  kIpcTime,
  kImpaired,
};
inline constexpr Family kLiveFamilies[] = {
    {"fencewatch_corosync_up", Type::gauge, "Whether corosync runs, from /proc/PID/stat, and answers through libcmap.", ""},
    {"fencewatch_corosync_token_timeout_seconds", Type::gauge,
     "Time without the token after which it is lost: as corosync uses it, from runtime.config.totem.token, and as "
     "/etc/corosync/corosync.conf says with token_coefficient for its nodes. They differ when the file was changed and not loaded.",
     "source"},
    {"fencewatch_corosync_token_warning_ratio", Type::gauge,
     "Part of the token timeout after which corosync warns, 0: never, from libcmap's runtime.config.totem.token_warning (since 3.0).", ""},
    {"fencewatch_corosync_consensus_timeout_seconds", Type::gauge,
     "Time to agree on a new membership before the next attempt, from libcmap's runtime.config.totem.consensus.", ""},
    {"fencewatch_corosync_nodes", Type::gauge, "Nodes in the nodelist of /etc/corosync/corosync.conf.", ""},
    {"fencewatch_corosync_members", Type::gauge, "Nodes that have joined, from libcmap's runtime.members.*.status.", ""},
    {"fencewatch_corosync_quorate", Type::gauge, "Whether this node's partition has quorum, from libvotequorum or libquorum.", ""},
    {"fencewatch_corosync_votes", Type::gauge, "Votes in this node's partition, from libvotequorum.", ""},
    {"fencewatch_corosync_expected_votes", Type::gauge, "Votes in the whole cluster, from libvotequorum.", ""},
    {"fencewatch_corosync_quorum_votes", Type::gauge, "Votes that quorum takes, from libvotequorum.", ""},
    {"fencewatch_corosync_token_losses_total", Type::counter,
     "Tokens that this node lost, by the state it was in, from libcmap's stats.srp.*_token_lost. A node that stalled often does not "
     "see its own loss.",
     "state"},
    {"fencewatch_corosync_memberships_total", Type::counter, "Memberships that were formed, from libcmap's stats.srp.operational_entered.",
     ""},
    {"fencewatch_corosync_seconds_since_token", Type::gauge,
     "Time since the last token, from libcmap's stats.srp.time_since_token_last_received (since 3.0).", ""},
    {"fencewatch_corosync_token_rotation_seconds", Type::gauge, "Mean time between two tokens, from libcmap's stats.srp.mtt_rx_token.", ""},
    {"fencewatch_corosync_link_connected", Type::gauge,
     "Whether the link to a peer is up, from libcmap's stats.knet.node*.link*.connected.", "host,link"},
    {"fencewatch_corosync_link_latency_seconds", Type::gauge,
     "Round trip to a peer since the link was configured, from libcmap's stats.knet.node*.link*.latency_ave and latency_max.",
     "host,link,stat"},
    {"fencewatch_corosync_links_down_total", Type::counter,
     "Times a link went down, from libcmap's stats.knet.node*.link*.down_count, which is 1 after a clean start.", "host,link"},
    {"fencewatch_corosync_scheduling_delay_last_seconds", Type::gauge,
     "How long corosync's main loop last was not run, when that was more than 0.8 of the token timeout, from libcmap's "
     "stats.schedmiss.0.delay (since 3.0.4).",
     ""},
    {"fencewatch_corosync_process_realtime", Type::gauge,
     "Whether corosync's main thread is scheduled before all ordinary ones (SCHED_RR, SCHED_FIFO, SCHED_DEADLINE), from /proc/PID/stat.",
     ""},
    {"fencewatch_corosync_process_locked_bytes", Type::gauge,
     "Memory that corosync has locked, from VmLck in /proc/PID/status: 0 means that it waits for pages when memory is short.", ""},
    {"fencewatch_corosync_process_major_faults_total", Type::counter,
     "Page faults for which corosync waited for a disk, from /proc/PID/stat.", ""},
    {"fencewatch_corosync_process_memory_stalled_seconds_total", Type::counter,
     "Time for which some, or all that were not idle (full), of corosync's cgroup waited for memory, from memory.pressure below "
     "/sys/fs/cgroup (cgroup v2).",
     "kind"},
    {"fencewatch_corosync_schedmiss_total", Type::counter,
     "Times that corosync's main loop was not run for more than 0.8 of the token timeout since fencewatch began, from libcmap's "
     "stats.schedmiss.* (since 3.0.4).",
     ""},
    {"fencewatch_corosync_token_gap_seconds", Type::histogram,
     "Times without a token, each as long as it was seen 4 times a second, from libcmap's stats.srp.time_since_token_last_received "
     "(since 3.0): the near misses.",
     ""},
    {"fencewatch_corosync_token_near_misses_total", Type::counter,
     "Waits for the token of more than half of its timeout, as seen 4 times a second, from libcmap's "
     "stats.srp.time_since_token_last_received (since 3.0).",
     ""},
    {"fencewatch_corosync_ipc_seconds", Type::histogram,
     "The longest that corosync took to answer one question of a scrape or a sample, through libcmap and libvotequorum: its main loop "
     "is late, or it is stopped.",
     ""},
    {"fencewatch_corosync_impaired", Type::gauge,
     "1 for what is wrong now, by reason, absent when nothing is: no_quorum, host_unreachable (no link to it is up), not_realtime, "
     "not_locked; from libcmap, libvotequorum and /proc/PID.",
     "reason"},
};

}  // namespace fencewatch
