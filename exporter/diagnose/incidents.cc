#include "exporter/diagnose/incidents.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr int64_t kSecond = 1'000'000, kMinute = 60 * kSecond;
constexpr int64_t kTogether = 10 * kMinute;
constexpr int64_t kComesBack = 30 * kMinute;  // after its reset a machine is up again within this
constexpr int64_t kLinger = kMinute;          // what was on its way to the disk when a node died

using Kind = Happened::Kind;

// Without its domain, as nodes are called in different logs.
std::string short_name(std::string_view name) {
  while (!name.empty() && (name.back() == ',' || name.back() == '.' || name.back() == ':')) name.remove_suffix(1);
  if (name.find_first_not_of("0123456789.") == name.npos) return std::string(name);
  return std::string(name.substr(0, name.find('.')));
}

class Search {
 public:
  explicit Search(std::span<const Facts> nodes) : nodes_(nodes) {
    for (const Facts& facts : nodes) members_.insert(facts.members.begin(), facts.members.end());
    for (const Facts& facts : nodes)
      for (const Event& event : facts.events)
        if (event.name == "node_state" && !event["id"].empty()) members_.emplace(event["id"], short_name(event["node"]));
  }

  std::vector<Happened> all() {
    for (const Facts& facts : nodes_) {
      for (const Event& event : facts.events)
        if (event.time_us != 0) look(facts, event);
      look_for_unclean_boots(facts);
      look_for_kills(facts);
    }
    return merged();
  }

 private:
  void add(Kind kind, const Facts& teller, int64_t at_us, std::string target, std::string by = {}) {
    if (!target.empty()) found_.push_back({kind, at_us, std::move(target), std::move(by), &teller});
  }

  static bool resets(std::string_view action) { return action == "reboot" || action == "off" || action == "poweroff" || action == "cycle"; }

  void look(const Facts& facts, const Event& event) {
    if (event.name == "fence_result" && event["result"].starts_with("OK") && resets(event["action"])) {
      const std::string by = short_name(event["by"]);
      add(Kind::fenced, facts, event.time_us, short_name(event["target"]), by.starts_with('<') ? "" : by);
    } else if (event.name == "fence_told" && event["not"].empty()) {
      add(Kind::fenced, facts, event.time_us, short_name(event["target"]), short_name(event["by"]));
    } else if (event.name == "fenced_self") {
      add(Kind::fenced, facts, event.time_us, facts.node, short_name(event["by"]));
    } else if (event.name == "sbd_rebooting" || event.name == "pacemaker_panic" || event.name == "watchdog_mux_expired") {
      add(Kind::self_fenced, facts, event.time_us, facts.node);
    } else if ((event.name == "sbd_no_liveness" && event["servants"] == "0") || event.name == "sbd_reset_requested") {
      if (died_after(facts, event.time_us)) add(Kind::self_fenced, facts, event.time_us, facts.node);
    } else if (event.name == "panic" || event.name == "machine_check" || event.name == "sysrq_crash" || event.name == "oom_panic") {
      if (died_after(facts, event.time_us)) add(Kind::panic, facts, event.time_us, facts.node);
    } else if (event.name == "leave_missed") {
      std::string_view ids = event["ids"];
      for (std::string_view id; !(id = scan::next_word(ids)).empty();) {
        const auto known = members_.find(std::string(id));
        if (known != members_.end() && known->second != facts.node) add(Kind::node_lost, facts, event.time_us, known->second);
      }
    } else if (event.name == "token_timeout") {
      add(Kind::token_lost, facts, event.time_us, facts.node);
    }
  }

  // It was started anew soon, or was never heard of again.
  static bool died_after(const Facts& facts, int64_t time_us) {
    for (const Event& event : facts.events)
      if (event.name == "boot" && event.time_us > time_us && event.time_us <= time_us + kComesBack) return true;
    return std::ranges::none_of(facts.life, [=](const SignOfLife& sign) { return sign.last_us > time_us + kLinger; });
  }

  static bool any(const Facts& facts, std::initializer_list<std::string_view> names, int64_t from_us, int64_t to_us) {
    return std::ranges::any_of(facts.events, [&](const Event& event) {
      return event.time_us >= from_us && event.time_us <= to_us && std::ranges::find(names, event.name) != names.end();
    });
  }

  // The end of a boot of which nothing was told. A boot whose log is not here has no end here.
  void look_for_unclean_boots(const Facts& facts) {
    for (const Event& event : facts.events) {
      if (event.name != "boot") continue;
      int64_t last_us = 0;
      for (const SignOfLife& sign : facts.life)
        for (const int64_t at_us : {sign.first_us, sign.last_us})
          if (at_us < event.time_us) last_us = std::max(last_us, at_us);
      if (last_us == 0 || any(facts, {"shutdown", "power_key"}, last_us - kTogether, event.time_us)) continue;
      if (!any(facts, {"filesystem_recovery", "unclean_journal", "crash_told"}, event.time_us, event.time_us + kTogether)) continue;
      add(Kind::unclean_boot, facts, last_us, facts.node);
    }
  }

  // Several, or one of the whole machine.
  void look_for_kills(const Facts& facts) {
    constexpr int kBurst = 3;
    int64_t began_us = 0;
    int kills = 0;
    for (const Event& event : facts.events) {
      if (event.name != "oom_kill" || event.time_us == 0) continue;
      if (event.time_us - began_us > kTogether) began_us = event.time_us, kills = 0;
      if (++kills == kBurst || event["prefix"] == "Out") add(Kind::oom, facts, event.time_us, facts.node);
    }
  }

  std::vector<Happened> merged() {
    std::ranges::stable_sort(found_, {}, &Happened::at_us);
    std::vector<Happened> out;
    for (Happened& next : found_) {
      const auto same =
          std::ranges::find_if(out, [&](const Happened& h) { return h.target == next.target && next.at_us - h.at_us <= kTogether; });
      if (same == out.end())
        out.push_back(std::move(next));
      else if (next.kind > same->kind || (next.kind == same->kind && next.kind == Kind::self_fenced))
        *same = std::move(next);
      else if (same->by.empty())
        same->by = next.by;
    }
    // That a token was lost, or processes were killed, belongs to the loss of whatever node was near.
    std::vector<Happened> lost;
    std::ranges::copy_if(out, std::back_inserter(lost), &Happened::lost);
    std::erase_if(out, [&](const Happened& h) {
      return !h.lost() && std::ranges::any_of(lost, [&](const Happened& l) { return std::abs(l.at_us - h.at_us) <= kTogether; });
    });
    return out;
  }

  const std::span<const Facts> nodes_;
  std::map<std::string, std::string> members_;
  std::vector<Happened> found_;
};

}  // namespace

std::string_view name(Kind kind) {
  constexpr std::string_view names[] = {"oom", "token_lost", "node_lost", "unclean_boot", "panic", "self_fenced", "fenced"};
  return names[static_cast<int>(kind)];
}

std::vector<Happened> incidents_of(std::span<const Facts> nodes) { return Search(nodes).all(); }

std::map<std::string, double> clock_offsets(std::span<const Facts> nodes) {
  std::map<std::string, double> offsets;
  std::map<std::string, int64_t> first;  // when a ring was told by the first node
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::vector<double> apart;
    for (const Event& event : nodes[i].events) {
      if (event.name != "membership" || event["ring"].empty() || event.time_us == 0) continue;
      const std::string ring(event["ring"]);
      if (i == 0)
        first.emplace(ring, event.time_us);
      else if (const auto told = first.find(ring); told != first.end())
        apart.push_back(static_cast<double>(told->second - event.time_us) / 1e6);
    }
    if (apart.empty()) continue;
    std::ranges::nth_element(apart, apart.begin() + static_cast<std::ptrdiff_t>(apart.size() / 2));
    offsets[nodes[i].node] = apart[apart.size() / 2];
  }
  return offsets;
}

}  // namespace fencewatch
