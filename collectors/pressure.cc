// Time that tasks lost waiting for a resource, /proc/pressure (since 4.20, and only where psi is on).
#include <iterator>

#include "collectors/memory/psi.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

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

class Pressure final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    page.begin(kFamilies[kStalled]);
    for (size_t i = 0; i < std::size(kResources); ++i) {
      const auto& resource = kResources[i];
      if (absent_[i]) continue;
      Status status = read(node, resource.path);
      absent_[i] = status.code == Code::missing && resource.optional;
      if (absent_[i]) continue;
      if (!status) return status;
      Psi psi;
      if (status = parse_psi(text_, psi); !status) return status.of(resource.path);
      if (psi.some) page.sample({{"resource", resource.name}, {"kind", "some"}}, seconds(*psi.some));
      if (psi.full) page.sample({{"resource", resource.name}, {"kind", "full"}}, seconds(*psi.full));
    }
    return {};
  }

 private:
  // With psi=0 the kernel refuses the read (EOPNOTSUPP); what sosreport then leaves is an empty file.
  Status read(const Node& node, std::string_view path) {
    const Status status = node.read(path, text_);
    return status && text_.view().empty() ? Status{Code::missing, 0, path, "the file is empty"} : status;
  }
  static double seconds(uint64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

  bool absent_[std::size(kResources)] = {};
  Bytes text_;
};

constexpr std::string_view kReads[] = {"proc/pressure/*"};

}  // namespace

extern const Spec pressure;
constinit const Spec pressure = {
    .name = "pressure",
    .summary = "Time lost waiting for CPU, memory and I/O (/proc/pressure)",
    .families = kFamilies,
    .reads = kReads,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<Pressure>(); },
};

}  // namespace fencewatch
