#include "exporter/report/findings.h"

#include <utility>

namespace fencewatch {

std::vector<Finding> Rules::find(const Facts& facts) const {
  std::vector<Finding> found;
  for (const FindingRule& rule : findings) {
    Finding finding{.id = std::string(rule.id), .severity = rule.severity, .stage = rule.stage, .says = {}, .advice = {}, .evidence = {}};
    if (rule.holds(facts, finding)) found.push_back(std::move(finding));
  }
  return found;
}

}  // namespace fencewatch
