// The input as each file that a collector reads, for every collector; the other files are those of a healthy machine. A fault must
// name the file and the line, and nothing may crash.
#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

// What the collectors read of the recorded machine, by their own word.
const std::vector<std::string>& files() {
  static const std::vector<std::string> all = [] {
    const std::filesystem::path root = FIXTURES "/kernel/linux-6.1-healthy";
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const std::string path = entry.path().lexically_relative(root).string();
      const auto reads = [&path](const Spec* spec) {
        return std::ranges::any_of(spec->reads,
                                   [&path](std::string_view one) { return fnmatch(std::string(one).c_str(), path.c_str(), 0) == 0; });
      };
      if (entry.is_regular_file() && std::ranges::any_of(all_collectors(), reads)) found.push_back(path);
    }
    if (found.size() < 8) std::abort();  // the fixture or the Specs have moved
    return found;
  }();
  return all;
}

class OneChanged final : public Node {
 public:
  OneChanged() {
    for (const std::string& file : files()) {
      std::ifstream in(FIXTURES "/kernel/linux-6.1-healthy/" + file, std::ios::binary);
      texts_.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
      if (texts_.back().empty()) std::abort();
    }
  }

  Status read(std::string_view path, Bytes& out) const override {
    out.clear();
    for (size_t i = 0; i < files().size(); ++i) {
      if (path != files()[i]) continue;
      used_ |= i == changed;
      out.append(i == changed ? input : std::string_view(texts_[i]));
      return {};
    }
    return {Code::missing, 0, path, "no such file"};
  }
  Status list(std::string_view dir, Names& out) const override {
    out.clear();
    return {Code::missing, 0, dir, "no such directory"};
  }
  long page_size() const override { return 4096; }

  bool was_used() const { return std::exchange(used_, false); }

  std::string_view input;
  size_t changed = 0;

 private:
  std::vector<std::string> texts_;
  mutable bool used_ = false;
};

struct Subject {
  std::unique_ptr<Collector> collector;
  std::vector<bool> reads;
};

std::vector<Subject> subjects(OneChanged& node) {
  std::vector<Subject> all;
  const Settings config;
  for (const Spec* spec : all_collectors()) {
    Subject subject{spec->make(config), std::vector<bool>(files().size())};
    for (node.changed = 0; node.changed < files().size(); ++node.changed) {
      Page page;
      (void)subject.collector->collect(node, page);
      (void)subject.collector->sample(node, std::chrono::milliseconds(250));
      subject.reads[node.changed] = node.was_used();
    }
    all.push_back(std::move(subject));
  }
  return all;
}

void check(const Status& status, std::string_view file) {
  if (status) return;
  if (status.file != file) std::abort();
  if (status.code == Code::malformed && (status.line == 0 || status.text.empty())) std::abort();
  if (status.code == Code::internal || status.code == Code::stuck) std::abort();
}

}  // namespace
}  // namespace fencewatch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fencewatch;
  static OneChanged node;
  static std::vector<Subject> all = subjects(node);
  static Page page;
  static Bytes out;
  node.input = {reinterpret_cast<const char*>(data), size};
  for (Subject& subject : all) {
    for (node.changed = 0; node.changed < files().size(); ++node.changed) {
      if (!subject.reads[node.changed]) continue;
      page.clear();
      out.clear();
      const Status status = subject.collector->collect(node, page);
      check(status, files()[node.changed]);
      if (status) page.render(Format::openmetrics, out);
      check(subject.collector->sample(node, std::chrono::milliseconds(250)), files()[node.changed]);
    }
  }
  return 0;
}
