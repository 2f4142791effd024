// What corosync knows of itself: its map and its quorum over IPC, etc/corosync/corosync.conf, and its process in /proc.

#include "collectors/corosync_conf.h"
#include "collectors/corosync_map.h"
#include "collectors/corosync_process.h"
#include "collectors/corosync_quorum.h"
#include "collectors/token_gaps.h"
#include "exporter/collector.h"
#include "exporter/config.h"
#include "exporter/events/counts.h"
#include "exporter/memory.h"

namespace fencewatch {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::string_view kConfPath = "etc/corosync/corosync.conf";
constexpr std::string_view kIpc = "corosync's IPC";
constexpr std::chrono::seconds kStarts{10};  // for so long a new process need not answer yet

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
  kIpcTime,
};
constexpr Family kFamilies[] = {
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
     "Tokens that this node lost, by the state it was in, from libcmap's stats.srp.*_token_lost. A node that stalled often does not see "
     "its own "
     "loss.",
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
     "stats.schedmiss.0.delay "
     "(since 3.0.4).",
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
     "stats.schedmiss.* "
     "(since 3.0.4).",
     ""},
    {"fencewatch_corosync_token_gap_seconds", Type::histogram,
     "Times without a token, each as long as it was seen 4 times a second, from libcmap's stats.srp.time_since_token_last_received (since "
     "3.0): the "
     "near misses.",
     ""},
    {"fencewatch_corosync_ipc_seconds", Type::histogram,
     "The longest that corosync took to answer one question of a scrape or a sample, through libcmap and libvotequorum: its main loop is "
     "late, or it is stopped.",
     ""},
};

double seconds(uint64_t milliseconds) { return static_cast<double>(milliseconds) / 1e3; }

class CorosyncLive final : public Collector {
 public:
  explicit CorosyncLive(const std::string& library_directory) : map_(library_directory, time_), quorum_(library_directory, time_) {}

  Status collect(const Node& node, Page& page) override;
  Status sample(const Node& node, std::chrono::nanoseconds elapsed) override;

 private:
  Status read_conf(const Node& node);
  Status ask(const Node& node);
  Status ask_token(std::optional<uint64_t>& since);
  void note_answer_time();
  void forget();
  std::optional<uint32_t> default_token() const;
  void write_settings(Page& page) const;
  void write_quorum(Page& page) const;
  void write_totem(Page& page) const;
  void write_links(Page& page) const;
  void write_process(Page& page) const;

  prometheus::Histogram& histogram(int family, std::vector<double> buckets);

  CorosyncProcess process_;
  AnswerTime time_;
  CorosyncMap map_;
  QuorumClient quorum_;
  uint64_t generation_ = 0;  // of the process that the connections are to
  bool up_ = false;
  bool has_conf_ = false;
  CorosyncConf conf_;
  Quorum votes_;
  std::optional<uint64_t> since_token_;  // milliseconds
  TokenGaps gaps_;
  Bytes text_;

  Counts counts_{kFamilies};  // not kept over a restart: what corosync itself keeps would be counted twice
  prometheus::Counter& misses_ = counts_.counter(kFamilies[kMisses]);
  prometheus::Histogram& gap_seconds_ = histogram(kGaps, {0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 20, 30, 60});
  prometheus::Histogram& ipc_seconds_ = histogram(kIpcTime, {0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30});
};

prometheus::Histogram& CorosyncLive::histogram(int family, std::vector<double> buckets) {
  counts_.buckets(kFamilies[family], std::move(buckets));
  return counts_.histogram(kFamilies[family]);
}

void CorosyncLive::forget() {
  map_.forget();
  quorum_.forget();
  gaps_.forget();
}

Status CorosyncLive::read_conf(const Node& node) {
  const Status status = node.read(kConfPath, text_);
  has_conf_ = bool(status);
  if (status.code == Code::missing) return {};
  if (!status) return status;
  return parse_corosync_conf(text_, conf_).of(kConfPath);
}

// Corosync 3.0 and 2 had another default than 3.1 has, and none tells its release: what it runs with shows which it is.
std::optional<uint32_t> CorosyncLive::default_token() const {
  const std::optional<uint64_t>& runs_with = map_.settings().token;
  if (conf_.token.value_or(0) != 0) return kTokenSince31;  // not used
  if (!runs_with) return {};
  const bool old = !map_.has_statistics_map() || totem_times(conf_, kTokenBefore31).token == *runs_with;
  return old ? kTokenBefore31 : kTokenSince31;
}

Status CorosyncLive::ask_token(std::optional<uint64_t>& since) {
  const Status status = map_.since_token(Clock::now(), since);
  const Clock::time_point after = Clock::now();
  if (!status) return status;
  if (!since) return {};
  if (const auto gap = gaps_.see(after, TokenGaps::Milliseconds(*since))) gap_seconds_.Observe(Seconds(*gap).count());
  return {};
}

void CorosyncLive::note_answer_time() {
  const AnswerTime::Clock::duration longest = time_.take();
  if (longest.count() > 0) ipc_seconds_.Observe(Seconds(longest).count());
}

Status CorosyncLive::ask(const Node& node) {
  up_ = false;
  if (const Status status = process_.look(node, Clock::now()); !status) return status;
  if (!process_.seen()) return forget(), Status{};
  if (process_.generation() != generation_) forget();
  generation_ = process_.generation();
  if (!memory::settled()) return {};  // the warm-up: connections would be made resident with all that they map
  Status status = map_.connect(Clock::now());
  if (status) status = ask_token(since_token_);
  if (status) status = map_.read(Clock::now());
  if (status) status = map_.misses([this](const SchedulingMiss&) { misses_.Increment(); });
  if (status) {
    up_ = true;
    votes_ = quorum_.read(map_.settings().own_node, Clock::now());
    return {};
  }
  const auto age = process_.age(node);
  return age && *age < kStarts ? Status{} : status.of(kIpc);
}

Status CorosyncLive::collect(const Node& node, Page& page) {
  if (const Status status = read_conf(node); !status) return status;
  const Status asked = ask(node);
  note_answer_time();
  if (!asked) return asked;
  if (!has_conf_ && !process_.seen()) return {Code::missing, 0, kConfPath, "no corosync here"};
  if (process_.live() && memory::settled()) page.one(kFamilies[kUp], uint64_t{up_});
  write_settings(page);
  if (up_) {
    write_quorum(page);
    write_totem(page);
    write_links(page);
  }
  write_process(page);
  if (process_.live()) counts_.write(page);
  return {};
}

Status CorosyncLive::sample(const Node& /*node*/, std::chrono::nanoseconds /*elapsed*/) {
  // collect() connects, and tells what is wrong.
  std::optional<uint64_t> since;
  if (map_.connected() && map_.has_statistics_map() && !ask_token(since)) gaps_.forget();
  note_answer_time();
  return {};
}

void CorosyncLive::write_settings(Page& page) const {
  const CorosyncSettings& settings = map_.settings();
  const auto assumed = default_token();
  page.begin(kFamilies[kToken]);
  if (up_ && settings.token) page.sample({{"source", "runtime"}}, seconds(*settings.token));
  if (has_conf_ && assumed) page.sample({{"source", "config"}}, seconds(totem_times(conf_, *assumed).token));
  if (has_conf_ && conf_.nodes > 0) page.one(kFamilies[kNodes], uint64_t{conf_.nodes});
  if (!up_) return;
  if (settings.token_warning) page.one(kFamilies[kWarning], static_cast<double>(*settings.token_warning) / 100);
  if (settings.consensus) page.one(kFamilies[kConsensus], seconds(*settings.consensus));
  if (settings.members) page.one(kFamilies[kMembers], *settings.members);
}

void CorosyncLive::write_quorum(Page& page) const {
  if (votes_.quorate) page.one(kFamilies[kQuorate], uint64_t{*votes_.quorate});
  if (votes_.votes) page.one(kFamilies[kVotes], uint64_t{*votes_.votes});
  if (votes_.expected_votes) page.one(kFamilies[kExpectedVotes], uint64_t{*votes_.expected_votes});
  if (votes_.needed_votes) page.one(kFamilies[kNeededVotes], uint64_t{*votes_.needed_votes});
}

void CorosyncLive::write_totem(Page& page) const {
  const TotemState& totem = map_.totem();
  page.begin(kFamilies[kLosses]);
  for (int i = 0; i < TotemState::kStates; ++i) {
    if (totem.lost[i]) page.sample({{"state", TotemState::kNames[i]}}, *totem.lost[i]);
  }
  if (totem.memberships) page.one(kFamilies[kMemberships], *totem.memberships);
  if (since_token_) page.one(kFamilies[kSinceToken], seconds(*since_token_));
  if (totem.rotation) page.one(kFamilies[kRotation], seconds(*totem.rotation));
  if (const auto& miss = map_.last_miss()) page.one(kFamilies[kLastMiss], miss->delay / 1e3);
}

void CorosyncLive::write_links(Page& page) const {
  page.begin(kFamilies[kLinkConnected]);
  for (const LinkState& link : map_.links()) page.sample({{"host", link.host}, {"link", link.link}}, uint64_t{link.connected});
  page.begin(kFamilies[kLinkLatency]);
  for (const LinkState& link : map_.links()) {
    if (link.latency_max.value_or(0) == 0) continue;  // not measured yet
    const auto microseconds = [&](std::string_view stat, const std::optional<uint64_t>& value) {
      if (value) page.sample({{"host", link.host}, {"link", link.link}, {"stat", stat}}, static_cast<double>(*value) / 1e6);
    };
    microseconds("ave", link.latency_ave);
    microseconds("max", link.latency_max);
  }
  page.begin(kFamilies[kLinksDown]);
  for (const LinkState& link : map_.links()) {
    if (link.down_count) page.sample({{"host", link.host}, {"link", link.link}}, *link.down_count);
  }
}

void CorosyncLive::write_process(Page& page) const {
  const auto& seen = process_.seen();
  if (!seen) return;
  page.one(kFamilies[kRealtime], uint64_t{seen->realtime});
  if (seen->locked_bytes) page.one(kFamilies[kLocked], *seen->locked_bytes);
  page.one(kFamilies[kFaults], seen->major_faults);
  if (!seen->memory_pressure) return;
  page.begin(kFamilies[kStalled]);
  const auto stalled = [&](std::string_view kind, const std::optional<uint64_t>& microseconds) {
    if (microseconds) page.sample({{"kind", kind}}, static_cast<double>(*microseconds) / 1e6);
  };
  stalled("some", seen->memory_pressure->some);
  stalled("full", seen->memory_pressure->full);
}

}  // namespace

extern const Spec corosync_live;
constinit const Spec corosync_live = {
    .name = "corosync_live",
    .summary = "Corosync: token, links, members, quorum and its process (libcmap, libvotequorum, corosync.conf, /proc)",
    .families = kFamilies,
    .make = [](const Config& config) -> std::unique_ptr<Collector> { return std::make_unique<CorosyncLive>(config.corosync_library_dir); },
    .sample_every = std::chrono::milliseconds(250),
};

}  // namespace fencewatch
