// What the OOM killer has killed, /proc/vmstat and the kernel's log.
#include "collectors/memory/oom_events.h"
#include "collectors/memory/vmstat.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/vmstat";

class Oom final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    const Status status = node.read(kPath, text_);
    if (!status && status.code != Code::missing) return status;  // what was taken from a node for analysis may have but its logs
    if (status) {
      Vmstat vmstat;
      if (const Status parsed = parse_vmstat(text_, vmstat); !parsed) return parsed.of(kPath);
      if (const auto kills = vmstat[Vm::oom_kill]) {
        page.one(kOomFamilies[0], *kills);
        page.recent("oom_kills", static_cast<double>(*kills));
      }
    }
    events_.name_pods(node);
    events_.write(page);
    return {};
  }

  std::span<const Pattern> patterns() const override { return OomLog::patterns(); }
  void on_event(const Match& match) override { events_.on_event(match); }
  Counts* counts() override { return &events_.counts(); }
  std::string memory() const override { return events_.memory(); }
  void remember(std::string_view memory) override { events_.remember(memory); }

 private:
  Bytes text_;
  OomEvents events_;
};

constexpr std::string_view kReads[] = {kPath, "var/log/containers", "var/log/pods", "var/log/pods/*"};

}  // namespace

extern const Spec oom;
constinit const Spec oom = {
    .name = "oom",
    .summary = "Processes killed for want of memory, and whose they were (/proc/vmstat, the kernel's log)",
    .families = kOomFamilies,
    .reads = kReads,
    .make = [](const Settings&) -> std::unique_ptr<Collector> { return std::make_unique<Oom>(); },
};

}  // namespace fencewatch
