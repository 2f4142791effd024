// What the kernel's OOM killer has killed, /proc/vmstat.
#include "collectors/vmstat.h"
#include "exporter/collector.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/vmstat";

enum { kKills };
constexpr Family kFamilies[] = {
    {"fencewatch_oom_kills_total", Type::counter,
     "Processes killed for want of memory, of the whole machine or of a memory cgroup alike, from oom_kill in /proc/vmstat (since 4.13).",
     ""},
};

class Oom final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    if (const Status status = node.read(kPath, text_); !status) return status;
    Vmstat vmstat;
    if (const Status status = parse_vmstat(text_, vmstat); !status) return status.of(kPath);
    if (const auto kills = vmstat[Vm::oom_kill]) page.one(kFamilies[kKills], *kills);
    return {};
  }

 private:
  Bytes text_;
};

}  // namespace

extern const Spec oom;
constinit const Spec oom = {
    .name = "oom",
    .summary = "Processes killed for want of memory (/proc/vmstat)",
    .families = kFamilies,
    .make = [](const Config&) -> std::unique_ptr<Collector> { return std::make_unique<Oom>(); },
};

}  // namespace fencewatch
