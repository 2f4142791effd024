#include "exporter/web/choose.h"

#include "exporter/web/negotiate.h"

namespace fencewatch {

bool choose(std::string_view query, const Runner& runner, Runner::Mask& mask, std::string& fault) {
  Runner::Mask collect = 0, exclude = 0;
  for (negotiate::Parameter p; negotiate::next_parameter(query, p);) {
    if (p.name != "collect[]" && p.name != "exclude[]") continue;
    const auto collectors = runner.enabled();
    size_t i = 0;
    while (i < collectors.size() && collectors[i]->name != p.value) ++i;
    if (i == collectors.size()) {
      fault = "no collector \"" + negotiate::printable(p.value) + "\" is enabled\n";
      return false;
    }
    (p.name == "collect[]" ? collect : exclude) |= Runner::Mask{1} << i;
  }
  if (collect && exclude) {
    fault = "collect[] and exclude[] cannot be given together\n";
    return false;
  }
  mask = (collect ? collect : runner.all()) & ~exclude;
  return true;
}

}  // namespace fencewatch
