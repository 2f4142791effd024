#include "exporter/logs/match/literals.h"

#include <re2/filtered_re2.h>

#include <algorithm>
#include <numeric>

namespace fencewatch {

// FilteredRE2 tells the atoms of the expression and whether a text that holds some of them may match, but not how they hang together. A
// set of which at least one must be there is one whose complement does not suffice; taking out the short ones first leaves a small one.
std::vector<std::string> required_literals(std::string_view expression, const re2::RE2::Options& options, size_t shortest) {
  re2::FilteredRE2 filter(static_cast<int>(shortest));
  int id = 0;
  if (filter.Add(re2::StringPiece(expression.data(), expression.size()), options, &id) != re2::RE2::NoError) return {};
  std::vector<std::string> atoms;
  filter.Compile(&atoms);
  std::vector<bool> required(atoms.size(), true);
  const auto suffice_others = [&] {
    std::vector<int> others, possible;
    for (size_t i = 0; i < atoms.size(); ++i)
      if (!required[i]) others.push_back(static_cast<int>(i));
    filter.AllPotentials(others, &possible);
    return !possible.empty();
  };
  if (suffice_others()) return {};
  std::vector<size_t> by_length(atoms.size());
  std::iota(by_length.begin(), by_length.end(), size_t{0});
  std::stable_sort(by_length.begin(), by_length.end(), [&](size_t a, size_t b) { return atoms[a].size() < atoms[b].size(); });
  for (const size_t i : by_length) {
    required[i] = false;
    if (suffice_others()) required[i] = true;
  }
  std::vector<std::string> literals;
  for (size_t i = 0; i < atoms.size(); ++i)
    if (required[i]) literals.push_back(std::move(atoms[i]));
  return literals;
}

}  // namespace fencewatch
