// The fixture trees and a Node over them, for the tests that look at all collectors at once.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/node/node.h"

namespace fencewatch::test {

// Names below FIXTURES, sorted: every kernel/* and the sosreport.
const std::vector<std::string>& trees();

// Whether one of the patterns of Spec::reads stands for `path`.
bool may_read(std::span<const std::string_view> reads, std::string_view path);

std::string slurp(const std::string& path);  // empty when there is none

// A tree held in memory, so that a test can change one of its files and see which ones are asked for.
class MemoryNode final : public Node {
 public:
  MemoryNode() = default;
  explicit MemoryNode(const std::string& tree);

  Status read(std::string_view path, Bytes& out) const override;
  Status list(std::string_view dir, Names& out) const override;
  long page_size() const override { return 4096; }

  std::map<std::string, std::string, std::less<>> files;
  std::map<std::string, Code, std::less<>> faults;  // what reading a file comes to, whether it is there or not
  // Everything asked for, whether it was there or not; a name that is known already costs no allocation.
  mutable std::set<std::string, std::less<>> asked;
};

}  // namespace fencewatch::test
