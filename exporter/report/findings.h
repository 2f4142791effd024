// What is wrong with a node, each with a name of its own that the status page and the alerts use as well.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "exporter/report/facts.h"

namespace fencewatch {

struct FindingRule {
  std::string_view id;
  Severity severity;
  int stage;  // that it lifts the node to: 1 what may become an incident, 2 signs of one; 0: advice
  // True: it holds; `out` has its sentence, advice and evidence. A pure function of the facts; what cannot be told does not hold.
  bool (*holds)(const Facts& facts, Finding& out);
};

// All that is known of nodes in general: collectors/findings.cc has it, as collectors/all.cc has the collectors.
struct Rules {
  std::span<const FindingRule> findings;  // in the order in which they are told
  // Kernel and machine of the node, and what the lists of known faults say of them.
  void (*identify)(const Facts& facts, NodeReport& out);

  std::vector<Finding> find(const Facts& facts) const;
};
const Rules& all_rules();

}  // namespace fencewatch
