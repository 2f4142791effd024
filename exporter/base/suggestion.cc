#include "exporter/base/suggestion.h"

#include <algorithm>
#include <vector>

#include "exporter/base/refused.h"

namespace fencewatch {
namespace {

constexpr size_t kLongest = 100;  // no name is longer; what is given may be of any length

// Letters to add, leave out, replace, or swap with the next (optimal string alignment), by three rows of its table.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  if (word.size() > kLongest) return "";
  const std::string* closest = nullptr;
  size_t best = (word.size() <= 4 ? 1 : 2) + 1;
  for (const std::string& candidate : known) {
    const size_t apart = distance(word, candidate);
    if (apart >= best) continue;
    best = apart;
    closest = &candidate;
  }
  return closest == nullptr ? "" : ", did you mean " + in_quotes(*closest) + "?";
}

}  // namespace fencewatch
