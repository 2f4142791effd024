// What happened to which node and when, from the logs of one or several of them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/report/facts.h"

namespace fencewatch {

struct Happened {
  enum class Kind : uint8_t { oom, token_lost, node_lost, unclean_boot, panic, self_fenced, fenced };  // the later tells more
  Kind kind = Kind::oom;
  int64_t at_us = 0;       // the completion of the fence as a peer tells it, else the last sign of life
  std::string target, by;  // names of nodes; `by` empty: nobody, or not known
  const Facts* teller = nullptr;
  bool lost() const { return kind >= Kind::node_lost; }  // the node was, not only in danger
};
std::string_view name(Happened::Kind kind);

// In the order of time; what concerns one target within ten minutes is one.
std::vector<Happened> incidents_of(std::span<const Facts> nodes);

// Seconds that must be added to each node's times so that they are those of the first: from memberships of which both tell. Those that tell
// of none in common have none.
std::map<std::string, double> clock_offsets(std::span<const Facts> nodes);

}  // namespace fencewatch
