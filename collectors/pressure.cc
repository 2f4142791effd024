// Time that tasks lost waiting for a resource, /proc/pressure (since 4.20, and only where psi is on).
#include <algorithm>
#include <iterator>
#include <optional>

#include "collectors/memory/psi.h"
#include "exporter/base/scan.h"
#include "exporter/collect/collector.h"
#include "exporter/collect/record.h"

namespace fencewatch {
namespace {

constexpr std::string_view kLoadavg = "proc/loadavg", kStat = "proc/stat";

constexpr struct {
  std::string_view name;
  std::string_view path;
  bool optional;  // a kernel that does not have it will not until the next boot
} kResources[] = {
    {"cpu", "proc/pressure/cpu", false},
    {"memory", "proc/pressure/memory", false},
    {"io", "proc/pressure/io", false},
    {"irq", "proc/pressure/irq", true},  // since 6.1, where interrupt time is accounted
};

enum { kStalled };
constexpr Family kFamilies[] = {
    {"fencewatch_pressure_stalled_seconds_total", Type::counter,
     "Time for which some tasks, or all that were not idle (full), waited for the resource, from total= in /proc/pressure/*.",
     "resource,kind"},
};

// The fourth number of /proc/loadavg, 3 of "0.20 0.18 0.12 3/521 11206".
std::optional<uint64_t> runnable_tasks(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return {};
  text = text.substr(0, slash);
  uint64_t number = 0;
  if (!scan::number(text.substr(text.rfind(' ') + 1), number)) return {};
  return number;
}

// The eighth number of the line "cpu " of /proc/stat: time that the host gave to other guests.
std::optional<uint64_t> stolen_ticks(std::string_view text) {
  std::string_view line, word;
  if (!scan::next_line(text, line) || !line.starts_with("cpu ")) return {};
  for (int i = 0; i <= 8; ++i) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
  }
  uint64_t number = 0;
  if (!scan::number(word, number)) return {};
  return number;
}

class Pressure final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    if (const Status status = look(node); !status) return status;
    page.begin(kFamilies[kStalled]);
    for (size_t i = 0; i < std::size(kResources); ++i) {
      const std::string_view name = kResources[i].name;
      if (seen_[i].some) page.sample({{"resource", name}, {"kind", "some"}}, seconds(*seen_[i].some));
      if (seen_[i].full) page.sample({{"resource", name}, {"kind", "full"}}, seconds(*seen_[i].full));
    }
    return {};
  }

  // For the recorder alone. What only it wants is no fault where it is not there.
  Status sample(const Node& node, std::chrono::nanoseconds /*elapsed*/) override {
    runnable_.reset(), steal_.reset();
    if (node.read(kLoadavg, text_)) runnable_ = runnable_tasks(text_);
    if (node.read(kStat, text_)) steal_ = stolen_ticks(text_);
    const Status status = look(node);
    return status.code == Code::missing ? Status{} : status;  // collect() tells
  }

  void record(Record& out) override {
    const auto put = [&out](std::string_view key, std::string_view of, std::string_view part, const std::optional<uint64_t>& value) {
      if (value) out.put(key, of, part, static_cast<int64_t>(*value));
    };
    for (size_t i = 0; i < std::size(kResources); ++i) {
      put("pressure_us_total", kResources[i].name, "some", seen_[i].some);
      put("pressure_us_total", kResources[i].name, "full", seen_[i].full);
    }
    put("runnable_tasks", {}, {}, runnable_);
    put("stolen_ticks_total", {}, {}, steal_);
  }

 private:
  Status look(const Node& node) {
    for (Psi& psi : seen_) psi = {};
    for (size_t i = 0; i < std::size(kResources); ++i) {
      const auto& resource = kResources[i];
      if (absent_[i]) continue;
      Status status = read(node, resource.path);
      absent_[i] = status.code == Code::missing && resource.optional;
      if (absent_[i]) continue;
      if (!status) return status;
      if (status = parse_psi(text_, seen_[i]); !status) return status.of(resource.path);
    }
    return {};
  }

  // With psi=0 the kernel refuses the read (EOPNOTSUPP); what sosreport then leaves is an empty file.
  Status read(const Node& node, std::string_view path) {
    const Status status = node.read(path, text_);
    return status && text_.view().empty() ? Status{Code::missing, 0, path, "the file is empty"} : status;
  }
  static double seconds(uint64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

  bool absent_[std::size(kResources)] = {};
  Psi seen_[std::size(kResources)] = {};
  std::optional<uint64_t> runnable_, steal_;
  Bytes text_;
};

constexpr std::string_view kReads[] = {"proc/pressure/*", kLoadavg, kStat};

}  // namespace

extern const Spec pressure;
constinit const Spec pressure = {
    .name = "pressure",
    .summary = "Time lost waiting for CPU, memory and I/O (/proc/pressure)",
    .families = kFamilies,
    .reads = kReads,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<Pressure>(); },
    .sample_every = std::chrono::seconds(1),
};

}  // namespace fencewatch
