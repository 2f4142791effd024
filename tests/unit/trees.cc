#include "tests/unit/trees.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace fencewatch::test {

namespace fs = std::filesystem;

const std::vector<std::string>& trees() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found = {"sosreport"};
    for (const auto& entry : fs::directory_iterator(FIXTURES "/kernel")) found.push_back("kernel/" + entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }();
  return names;
}

bool may_read(std::span<const std::string_view> reads, std::string_view path) {
  return std::ranges::any_of(
      reads, [&](std::string_view pattern) { return fnmatch(std::string(pattern).c_str(), std::string(path).c_str(), 0) == 0; });
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

MemoryNode::MemoryNode(const std::string& tree) {
  const fs::path root = fs::path(FIXTURES) / tree;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (entry.is_regular_file() && !name.starts_with("expected/")) files[name] = slurp(entry.path().string());
  }
}

Status MemoryNode::read(std::string_view path, Bytes& out) const {
  if (!asked.contains(path)) asked.emplace(path);
  out.clear();
  if (const auto fault = faults.find(path); fault != faults.end()) return {fault->second, 0, path, "as the test wants it"};
  const auto file = files.find(path);
  if (file == files.end()) return {Code::missing, 0, path, "no such file"};
  out.append(file->second);
  return {};
}

Status MemoryNode::list(std::string_view dir, Names& out) const {
  if (!asked.contains(dir)) asked.emplace(dir);
  out.clear();
  for (const auto& [name, text] : files) {
    if (!name.starts_with(dir) || name.size() <= dir.size() + 1 || name[dir.size()] != '/') continue;
    std::string entry = name.substr(dir.size() + 1);
    entry.resize(std::min(entry.find('/'), entry.size()));
    if (out.empty() || out.back() != entry) out.push_back(std::move(entry));
  }
  return out.empty() ? Status{Code::missing, 0, dir, "no such directory"} : Status{};
}

}  // namespace fencewatch::test
