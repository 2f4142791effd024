// What corosync's map says of totem, its links and its members: cmap_keys(7), exec/stats.c (3.x), exec/main.c (2.x).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "collectors/corosync/cmap.h"

namespace fencewatch {

// From the map of settings, which is asked anew after a change of the membership and once a minute. Milliseconds, as corosync has them.
struct CorosyncSettings {
  std::optional<uint64_t> token, consensus, token_warning, own_node, members;
};

struct TotemState {
  enum Lost { operational, gather, commit, recovery, kStates };
  static constexpr std::string_view kNames[kStates] = {"operational", "gather", "commit", "recovery"};
  std::optional<uint64_t> lost[kStates];  // tokens, by the state in which
  std::optional<uint64_t> memberships;    // operational_entered
  std::optional<uint64_t> rotation;       // mtt_rx_token, milliseconds
};

// One link to one peer. Corosync 3 with knet.
struct LinkState {
  uint32_t host = 0, link = 0;
  bool connected = false;
  std::optional<uint64_t> latency_ave, latency_max;  // microseconds
  std::optional<uint64_t> down_count;
};

struct SchedulingMiss {
  uint64_t timestamp = 0;  // Unix time in milliseconds
  double delay = 0;        // milliseconds
};

// One connection to the statistics is kept: a new one costs corosync milliseconds and maps 3 MiB on both sides. The settings of
// corosync 3 are in another map, which is left again when they are read. Every call may block as long as corosync is stopped.
class CorosyncMap {
 public:
  using Clock = std::chrono::steady_clock;

  CorosyncMap(const std::string& library_directory, AnswerTime& time) : library_(library_directory), time_(time), stats_(library_, time) {}

  Status load() { return library_.open(); }  // reads from a disk; on any thread, before the rest
  // When it is time to: otherwise, and when it fails, the fault.
  Status connect(Clock::time_point now);
  bool connected() const { return stats_.connected(); }
  void forget();  // corosync is gone, or another one is there

  // Milliseconds since the last token; corosync 3. As cheap as a call can be.
  Status since_token(Clock::time_point now, std::optional<uint64_t>& milliseconds);
  Status read(Clock::time_point now);
  // Misses that were not told before, the oldest first. Corosync keeps ten; those that were there when it was asked for the first time
  // were before our time, and only the newest of them becomes `last`.
  Status misses(const std::function<void(const SchedulingMiss&)>& fresh);

  const CorosyncSettings& settings() const { return settings_; }
  const TotemState& totem() const { return totem_; }
  const std::vector<LinkState>& links() const { return links_; }
  const std::optional<SchedulingMiss>& last_miss() const { return last_miss_; }
  bool has_statistics_map() const { return library_.has_maps(); }  // corosync 3

 private:
  Status read_totem();
  Status read_links();
  Status read_settings(Clock::time_point now);
  Status read_settings(Cmap& map);
  Status find_links(Cmap& map);
  Status count_members(Cmap& map);
  Status read_miss(uint32_t index, std::optional<SchedulingMiss>& out);
  const char* totem_prefix() const;
  Status noted(const Status& status, Clock::time_point now);

  CmapLibrary library_;
  AnswerTime& time_;
  Cmap stats_;
  Backoff backoff_;
  CorosyncSettings settings_;
  TotemState totem_;
  std::vector<LinkState> links_;
  std::optional<SchedulingMiss> last_miss_;
  bool asked_for_misses_ = false;
  std::optional<uint64_t> settings_of_;  // memberships when they were read
  Clock::time_point settings_due_{};
};

}  // namespace fencewatch
