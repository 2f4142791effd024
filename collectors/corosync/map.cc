#include "collectors/corosync/map.h"

#include <algorithm>

#include "exporter/base/scan.h"
#include "exporter/memory/locking.h"

namespace fencewatch {
namespace {

constexpr std::chrono::seconds kSettingsFor{60};
constexpr uint32_t kMissesKept = 10;  // by corosync
constexpr std::string_view kNode = "nodelist.node.";
constexpr std::string_view kRing = "ring", kAddress = "_addr", kStatus = ".status";

// "nodelist.node.POSITION.ringLINK_addr"
struct RingAddress {
  uint32_t position = 0, link = 0;
};
bool parse_ring_address(std::string_view key, RingAddress& out) {
  if (!key.starts_with(kNode)) return false;
  key.remove_prefix(kNode.size());
  const size_t dot = key.find('.');
  if (dot == key.npos || !scan::number(key.substr(0, dot), out.position)) return false;
  key.remove_prefix(dot + 1);
  if (!key.starts_with(kRing) || !key.ends_with(kAddress) || key.size() < kRing.size() + kAddress.size()) return false;
  return scan::number(key.substr(kRing.size(), key.size() - kRing.size() - kAddress.size()), out.link);
}

}  // namespace

const char* CorosyncMap::totem_prefix() const { return library_.has_maps() ? "stats.srp." : "runtime.totem.pg.mrp.srp."; }

Status CorosyncMap::noted(const Status& status, Clock::time_point now) {
  if (!status) backoff_.failed(status, now);
  return status;
}

Status CorosyncMap::connect(Clock::time_point now) {
  if (stats_.connected()) return {};
  if (!backoff_.due(now)) return backoff_.fault();
  const memory::LockAsUsed sparing;  // each connection maps 3 MiB, twice
  if (const Status status = library_.open(); !status) return noted(status, now);
  if (const Status status = stats_.connect(library_.has_maps() ? Cmap::Map::stats : Cmap::Map::icmap); !status) return noted(status, now);
  settings_due_ = now;
  return {};
}

void CorosyncMap::forget() {
  stats_.close();
  backoff_.reset();
}

Status CorosyncMap::since_token(Clock::time_point now, std::optional<uint64_t>& milliseconds) {
  return noted(stats_.integer("stats.srp.time_since_token_last_received", milliseconds), now);
}

Status CorosyncMap::read(Clock::time_point now) {
  if (const Status status = read_totem(); !status) return noted(status, now);
  if (const Status status = read_settings(now); !status) return noted(status, now);
  if (const Status status = read_links(); !status) return noted(status, now);
  backoff_.reset();
  return {};
}

Status CorosyncMap::read_totem() {
  const auto read = [this](std::string_view key, std::optional<uint64_t>& out) {
    return stats_.integer(CmapKey(totem_prefix(), key).c_str(), out);
  };
  for (int i = 0; i < TotemState::kStates; ++i) {
    if (const Status status = stats_.integer(CmapKey(totem_prefix(), TotemState::kNames[i], "_token_lost").c_str(), totem_.lost[i]);
        !status)
      return status;
  }
  if (const Status status = read("operational_entered", totem_.memberships); !status) return status;
  return read("mtt_rx_token", totem_.rotation);
}

Status CorosyncMap::read_links() {
  for (LinkState& state : links_) {
    const auto read = [&](std::string_view what, std::optional<uint64_t>& out) {
      return stats_.integer(CmapKey("stats.knet.node", state.host, ".link", state.link, what).c_str(), out);
    };
    std::optional<uint64_t> connected;
    if (const Status status = read(".connected", connected); !status) return status;
    state.connected = connected.value_or(0) != 0;
    if (const Status status = read(".latency_ave", state.latency_ave); !status) return status;
    if (const Status status = read(".latency_max", state.latency_max); !status) return status;
    if (const Status status = read(".down_count", state.down_count); !status) return status;
  }
  return {};
}

Status CorosyncMap::read_settings(Clock::time_point now) {
  if (now < settings_due_ && totem_.memberships == settings_of_) return {};
  Status status;
  if (library_.has_maps()) {
    const memory::LockAsUsed sparing;
    Cmap icmap(library_, time_);
    status = icmap.connect(Cmap::Map::icmap);
    if (status) status = read_settings(icmap);
  } else {
    status = read_settings(stats_);
  }
  if (!status) return status;
  settings_due_ = now + kSettingsFor;
  settings_of_ = totem_.memberships;
  return {};
}

Status CorosyncMap::read_settings(Cmap& map) {
  if (const Status status = map.integer("runtime.config.totem.token", settings_.token); !status) return status;
  if (const Status status = map.integer("runtime.config.totem.consensus", settings_.consensus); !status) return status;
  if (const Status status = map.integer("runtime.config.totem.token_warning", settings_.token_warning); !status) return status;
  if (const Status status = map.integer("runtime.votequorum.this_node_id", settings_.own_node); !status) return status;
  if (const Status status = count_members(map); !status) return status;
  return library_.has_maps() ? find_links(map) : Status{};
}

// The links of the peers: the one to oneself is always up.
Status CorosyncMap::find_links(Cmap& map) {
  std::optional<uint64_t> own;
  if (const Status status = map.integer("nodelist.local_node_pos", own); !status) return status;
  std::vector<RingAddress> addresses;
  const auto collect = [&](std::string_view key) {
    RingAddress address;
    if (parse_ring_address(key, address) && address.position != own) addresses.push_back(address);
  };
  if (const Status status = map.keys(std::string(kNode).c_str(), collect); !status) return status;
  std::vector<LinkState> found;
  for (const RingAddress& address : addresses) {
    std::optional<uint64_t> host, connected;
    if (const Status status = map.integer(CmapKey(kNode, address.position, ".nodeid").c_str(), host); !status) return status;
    if (!host) continue;
    LinkState state;
    state.host = static_cast<uint32_t>(*host);
    state.link = address.link;
    if (const Status status = stats_.integer(CmapKey("stats.knet.node", state.host, ".link", state.link, ".connected").c_str(), connected);
        !status) {
      return status;
    }
    if (connected) found.push_back(state);  // udpu has none
  }
  links_.swap(found);
  return {};
}

Status CorosyncMap::count_members(Cmap& map) {
  const CmapKey prefix(library_.has_maps() ? "runtime." : totem_prefix(), "members.");
  std::vector<std::string> keys;
  const auto collect = [&keys](std::string_view key) {
    if (key.ends_with(kStatus)) keys.emplace_back(key);
  };
  if (const Status status = map.keys(prefix.c_str(), collect); !status) return status;
  uint64_t joined = 0;
  for (const std::string& key : keys) {
    char text[16];
    size_t size = sizeof text;
    if (const Status status = map.text(key.c_str(), text, size); !status) return status;
    joined += std::string_view(text, size) == "joined";
  }
  settings_.members = keys.empty() ? std::nullopt : std::optional(joined);
  return {};
}

Status CorosyncMap::read_miss(uint32_t index, std::optional<SchedulingMiss>& out) {
  out.reset();
  std::optional<uint64_t> timestamp;
  std::optional<double> delay;
  if (const Status status = stats_.integer(CmapKey("stats.schedmiss.", index, ".timestamp").c_str(), timestamp); !status) return status;
  if (!timestamp) return {};
  if (const Status status = stats_.number(CmapKey("stats.schedmiss.", index, ".delay").c_str(), delay); !status) return status;
  if (delay) out = SchedulingMiss{*timestamp, *delay};
  return {};
}

Status CorosyncMap::misses(const std::function<void(const SchedulingMiss&)>& fresh) {
  SchedulingMiss found[kMissesKept];
  uint32_t count = 0;
  for (std::optional<SchedulingMiss> miss; count < kMissesKept; found[count++] = *miss) {
    if (const Status status = read_miss(count, miss); !status) return status;
    if (!miss || (last_miss_ && miss->timestamp == last_miss_->timestamp)) break;
  }
  if (count > 0) last_miss_ = found[0];
  for (uint32_t i = count; asked_for_misses_ && i > 0; --i) fresh(found[i - 1]);
  asked_for_misses_ = true;
  return {};
}

}  // namespace fencewatch
