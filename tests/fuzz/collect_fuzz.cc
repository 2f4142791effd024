// The input as each file that a collector reads, for every collector; the other files are those of a healthy machine. A fault must
// name the file and the line, and nothing may crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

constexpr const char* kFiles[] = {"proc/zoneinfo",
                                  "proc/vmstat",
                                  "proc/buddyinfo",
                                  "proc/meminfo",
                                  "proc/version",
                                  "proc/stat",
                                  "proc/uptime",
                                  "proc/pressure/cpu",
                                  "proc/pressure/io",
                                  "proc/pressure/memory",
                                  "proc/sys/kernel/osrelease",
                                  "proc/sys/vm/min_free_kbytes",
                                  "proc/sys/vm/watermark_scale_factor",
                                  "sys/class/dmi/id/sys_vendor",
                                  "sys/class/dmi/id/product_name"};
constexpr size_t kCount = std::size(kFiles);

class OneChanged final : public Node {
 public:
  OneChanged() {
    for (const char* file : kFiles) {
      std::ifstream in(std::string(FIXTURES "/kernel/linux-6.1-healthy/") + file, std::ios::binary);
      texts_.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
      if (texts_.back().empty()) std::abort();
    }
  }

  Status read(std::string_view path, Bytes& out) const override {
    out.clear();
    for (size_t i = 0; i < kCount; ++i) {
      if (path != kFiles[i]) continue;
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
  bool reads[kCount] = {};
};

std::vector<Subject> subjects(OneChanged& node) {
  std::vector<Subject> all;
  const Settings config;
  for (const Spec* spec : all_collectors()) {
    Subject subject{spec->make(config)};
    for (node.changed = 0; node.changed < kCount; ++node.changed) {
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
    for (node.changed = 0; node.changed < kCount; ++node.changed) {
      if (!subject.reads[node.changed]) continue;
      page.clear();
      out.clear();
      const Status status = subject.collector->collect(node, page);
      check(status, kFiles[node.changed]);
      if (status) page.render(Format::openmetrics, out);
      check(subject.collector->sample(node, std::chrono::milliseconds(250)), kFiles[node.changed]);
    }
  }
  return 0;
}
