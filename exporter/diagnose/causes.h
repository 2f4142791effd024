// Why it happened: what speaks for and against each cause that an incident may have.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "exporter/diagnose/incidents.h"
#include "exporter/report/report.h"

namespace fencewatch {

// The causes of "What happened", in the order of what speaks for them; the first is never empty. `target` is the report of its node.
// `offsets` as clock_offsets() gives them.
std::vector<Considered> causes_of(const Happened& happened, std::span<const Facts> nodes, const NodeReport& target,
                                  const std::map<std::string, double>& offsets);
Confidence confidence_in(std::span<const Considered> causes);

// Of one OOM kill, which is an event of `facts`: own_limit, parents_limit, cpuset, mempolicy, miscount, whole_node.
std::string cause_of_kill(const Facts& facts, const Event& kill, std::span<const Finding> findings);

// "its kernel counts …" of the cause, for a sentence that begins with what happened.
Text because(std::string_view cause);

}  // namespace fencewatch
