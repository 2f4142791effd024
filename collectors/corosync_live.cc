// What corosync knows of itself: its map and its quorum over IPC, etc/corosync/corosync.conf, and its process in /proc.

#include <algorithm>

#include "collectors/corosync/corosync_conf.h"
#include "collectors/corosync/live_families.h"
#include "collectors/corosync/map.h"
#include "collectors/corosync/process.h"
#include "collectors/corosync/quorum.h"
#include "collectors/corosync/token_gaps.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"
#include "exporter/collect/record.h"
#include "exporter/memory/locking.h"

namespace fencewatch {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::string_view kConfPath = "etc/corosync/corosync.conf";
constexpr std::string_view kIpc = "corosync's IPC";
constexpr std::chrono::seconds kStarts{10};  // for so long a new process need not answer yet

double seconds(uint64_t milliseconds) { return static_cast<double>(milliseconds) / 1e3; }

// Whether there is a host to which no link is up.
bool misses_a_host(std::span<const LinkState> links) {
  return std::any_of(links.begin(), links.end(), [&](const LinkState& link) {
    return std::none_of(links.begin(), links.end(), [&](const LinkState& other) { return other.host == link.host && other.connected; });
  });
}

class CorosyncLive final : public Collector {
 public:
  explicit CorosyncLive(const std::string& library_directory) : map_(library_directory, time_), quorum_(library_directory, time_) {}

  Status collect(const Node& node, Page& page) override;
  Status sample(const Node& node, std::chrono::nanoseconds elapsed) override;
  void record(Record& out) override;

 private:
  Status read_conf(const Node& node);
  Status load(const Node& node);
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
  void write_impaired(Page& page) const;
  void write_counts(Page& page) const;

  prometheus::Histogram& histogram(int family, std::vector<double> buckets);

  CorosyncProcess process_;
  AnswerTime time_;
  CorosyncMap map_;
  QuorumClient quorum_;
  uint64_t generation_ = 0;  // of the process that the connections are to
  bool loaded_ = false;      // the client libraries
  Status load_status_;       // of the thread that loads them, until it has
  bool up_ = false;
  bool has_conf_ = false;
  CorosyncConf conf_;
  Quorum votes_;
  std::optional<uint64_t> since_token_;    // milliseconds, at the last collection
  std::optional<uint64_t> sampled_token_;  // since then
  std::optional<uint64_t> longest_gap_;    // milliseconds since the last record
  TokenGaps gaps_;
  Bytes text_;

  Counts counts_{kLiveFamilies};  // not kept over a restart: what corosync itself keeps would be counted twice
  prometheus::Counter& misses_ = counts_.counter(kLiveFamilies[kMisses]);
  prometheus::Counter& near_misses_ = counts_.counter(kLiveFamilies[kNearMisses]);
  prometheus::Histogram& gap_seconds_ = histogram(kGaps, {0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 20, 30, 60});
  prometheus::Histogram& ipc_seconds_ = histogram(kIpcTime, {0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30});
};

prometheus::Histogram& CorosyncLive::histogram(int family, std::vector<double> buckets) {
  counts_.buckets(kLiveFamilies[family], std::move(buckets));
  return counts_.histogram(kLiveFamilies[family]);
}

void CorosyncLive::forget() {
  map_.forget();
  quorum_.forget();
  gaps_.forget();
}

Status CorosyncLive::read_conf(const Node& node) {
  const Status status = node.read(kConfPath, text_);
  has_conf_ = bool(status);
  if (status.code == Code::missing || status.code == Code::stuck) return {};  // what corosync itself says is worth more than its file
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
  if (const auto gap = gaps_.see(after, TokenGaps::Milliseconds(*since))) {
    gap_seconds_.Observe(Seconds(*gap).count());
    const auto& timeout = map_.settings().token;
    if (timeout && 2 * static_cast<uint64_t>(gap->count()) > *timeout) near_misses_.Increment();
  }
  return {};
}

void CorosyncLive::note_answer_time() {
  const AnswerTime::Clock::duration longest = time_.take();
  if (longest.count() > 0) ipc_seconds_.Observe(Seconds(longest).count());
}

// Libraries are on a disk.
Status CorosyncLive::load(const Node& node) {
  if (loaded_) return {};
  const bool tried = node.aside("corosync's client libraries", [this] {
    const memory::LockAsUsed sparing;
    load_status_ = map_.load();
    if (load_status_) quorum_.load();
  });
  if (!tried) return {Code::stuck, 0, {}, "the disk with corosync's client libraries does not answer"};
  loaded_ = bool(load_status_);
  return load_status_;
}

Status CorosyncLive::ask(const Node& node) {
  up_ = false;
  if (const Status status = process_.look(node, Clock::now()); !status) return status;
  if (!process_.seen()) return forget(), Status{};
  if (process_.generation() != generation_) forget();
  generation_ = process_.generation();
  if (!memory::settled()) return {};  // the warm-up: connections would be made resident with all that they map
  Status status = load(node);
  if (status) status = map_.connect(Clock::now());
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
  if (process_.live() && memory::settled()) page.one(kLiveFamilies[kUp], uint64_t{up_});
  write_settings(page);
  if (up_) {
    write_quorum(page);
    write_totem(page);
    write_links(page);
  }
  write_process(page);
  write_impaired(page);
  if (process_.live()) write_counts(page);
  return {};
}

Status CorosyncLive::sample(const Node& /*node*/, std::chrono::nanoseconds /*elapsed*/) {
  // collect() connects, and tells what is wrong.
  std::optional<uint64_t> since;
  if (map_.connected() && map_.has_statistics_map() && !ask_token(since)) gaps_.forget();
  sampled_token_ = since;
  if (since) longest_gap_ = std::max(longest_gap_.value_or(0), *since);
  note_answer_time();
  return {};
}

void CorosyncLive::record(Record& out) {
  const auto put = [&out](std::string_view key, const std::optional<uint64_t>& value) {
    if (value) out.put(key, static_cast<int64_t>(*value));
  };
  const std::optional<uint64_t> timeout = map_.settings().token;
  put("token_age_ms", sampled_token_);
  put("token_age_highest_ms", longest_gap_);
  if (longest_gap_) put("token_timeout_ms", timeout);
  if (longest_gap_ && timeout && 2 * *longest_gap_ > *timeout) out.distress();
  longest_gap_.reset();
  const auto misses = static_cast<uint64_t>(misses_.Value()), near_misses = static_cast<uint64_t>(near_misses_.Value());
  if (misses > 0) put("corosync_schedmiss_total", misses);
  if (near_misses > 0) put("corosync_token_near_misses_total", near_misses);
}

void CorosyncLive::write_settings(Page& page) const {
  const CorosyncSettings& settings = map_.settings();
  const auto assumed = default_token();
  page.begin(kLiveFamilies[kToken]);
  if (up_ && settings.token) page.sample({{"source", "runtime"}}, seconds(*settings.token));
  if (has_conf_ && assumed) page.sample({{"source", "config"}}, seconds(totem_times(conf_, *assumed).token));
  if (has_conf_ && conf_.nodes > 0) page.one(kLiveFamilies[kNodes], uint64_t{conf_.nodes});
  if (!up_) return;
  if (settings.token_warning) page.one(kLiveFamilies[kWarning], static_cast<double>(*settings.token_warning) / 100);
  if (settings.consensus) page.one(kLiveFamilies[kConsensus], seconds(*settings.consensus));
  if (settings.members) page.one(kLiveFamilies[kMembers], *settings.members);
}

void CorosyncLive::write_quorum(Page& page) const {
  if (votes_.quorate) page.one(kLiveFamilies[kQuorate], uint64_t{*votes_.quorate});
  if (votes_.votes) page.one(kLiveFamilies[kVotes], uint64_t{*votes_.votes});
  if (votes_.expected_votes) page.one(kLiveFamilies[kExpectedVotes], uint64_t{*votes_.expected_votes});
  if (votes_.needed_votes) page.one(kLiveFamilies[kNeededVotes], uint64_t{*votes_.needed_votes});
}

void CorosyncLive::write_totem(Page& page) const {
  const TotemState& totem = map_.totem();
  page.begin(kLiveFamilies[kLosses]);
  for (int i = 0; i < TotemState::kStates; ++i) {
    if (!totem.lost[i]) continue;
    page.sample({{"state", TotemState::kNames[i]}}, *totem.lost[i]);
    // In other states it is lost while a membership is formed, after such a loss or a start.
    if (TotemState::kNames[i] == "operational") page.recent("corosync_token_losses", static_cast<double>(*totem.lost[i]));
  }
  if (totem.memberships) page.one(kLiveFamilies[kMemberships], *totem.memberships);
  if (since_token_) page.one(kLiveFamilies[kSinceToken], seconds(*since_token_));
  if (totem.rotation) page.one(kLiveFamilies[kRotation], seconds(*totem.rotation));
  if (const auto& miss = map_.last_miss()) page.one(kLiveFamilies[kLastMiss], miss->delay / 1e3);
}

void CorosyncLive::write_links(Page& page) const {
  page.begin(kLiveFamilies[kLinkConnected]);
  for (const LinkState& link : map_.links()) page.sample({{"host", link.host}, {"link", link.link}}, uint64_t{link.connected});
  page.begin(kLiveFamilies[kLinkLatency]);
  for (const LinkState& link : map_.links()) {
    if (link.latency_max.value_or(0) == 0) continue;  // not measured yet
    const auto microseconds = [&](std::string_view stat, const std::optional<uint64_t>& value) {
      if (value) page.sample({{"host", link.host}, {"link", link.link}, {"stat", stat}}, static_cast<double>(*value) / 1e6);
    };
    microseconds("ave", link.latency_ave);
    microseconds("max", link.latency_max);
  }
  page.begin(kLiveFamilies[kLinksDown]);
  for (const LinkState& link : map_.links()) {
    if (link.down_count) page.sample({{"host", link.host}, {"link", link.link}}, *link.down_count);
  }
}

void CorosyncLive::write_process(Page& page) const {
  const auto& seen = process_.seen();
  if (!seen) return;
  page.one(kLiveFamilies[kRealtime], uint64_t{seen->realtime});
  if (seen->locked_bytes) page.one(kLiveFamilies[kLocked], *seen->locked_bytes);
  page.one(kLiveFamilies[kFaults], seen->major_faults);
  if (!seen->memory_pressure) return;
  page.begin(kLiveFamilies[kStalled]);
  const auto stalled = [&](std::string_view kind, const std::optional<uint64_t>& microseconds) {
    if (microseconds) page.sample({{"kind", kind}}, static_cast<double>(*microseconds) / 1e6);
  };
  stalled("some", seen->memory_pressure->some);
  stalled("full", seen->memory_pressure->full);
}

// Each can be concluded from other families; rules for thousands of nodes read these few.
void CorosyncLive::write_impaired(Page& page) const {
  page.begin(kLiveFamilies[kImpaired]);
  const auto say = [&](std::string_view reason, bool is) {
    if (is) page.sample({{"reason", reason}}, uint64_t{1});
  };
  say("no_quorum", up_ && !votes_.quorate.value_or(true));
  say("host_unreachable", up_ && misses_a_host(map_.links()));
  const auto& seen = process_.seen();
  say("not_realtime", seen && !seen->realtime);
  say("not_locked", seen && seen->locked_bytes == uint64_t{0});
}

void CorosyncLive::write_counts(Page& page) const {
  counts_.write(page);
  page.recent("corosync_schedmiss", misses_.Value());
  page.recent("corosync_token_near_misses", near_misses_.Value());
}

constexpr std::string_view kReads[] = {kConfPath,     "proc",          "proc/uptime",   "proc/*/comm",
                                       "proc/*/stat", "proc/*/status", "proc/*/cgroup", "sys/fs/cgroup/*/memory.pressure"};

}  // namespace

extern const Spec corosync_live;
constinit const Spec corosync_live = {
    .name = "corosync_live",
    .summary = "Corosync: token, links, members, quorum and its process (libcmap, libvotequorum, corosync.conf, /proc)",
    .families = kLiveFamilies,
    .reads = kReads,
    .make = [](const Settings& settings) -> std::unique_ptr<Collector> {
      return std::make_unique<CorosyncLive>(settings.corosync_library_dir);
    },
    .deadline = std::chrono::milliseconds(800),  // a scrape is to end within a second also while corosync does not answer
    .sample_every = std::chrono::milliseconds(250),
};

}  // namespace fencewatch
