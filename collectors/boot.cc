// When the machine was started, /proc/stat (proc(5)).
#include "exporter/collector.h"
#include "exporter/scan.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/stat";

enum { kBootTime };
constexpr Family kFamilies[] = {
    {"fencewatch_boot_time_seconds", Type::gauge, "When the machine was started, in seconds since 1970, from btime in /proc/stat.", ""},
};

Status parse(std::string_view text, uint64_t& out) {
  if (text.empty()) return malformed(1, "the file is empty");
  if (!scan::complete(text)) return malformed(scan::line_of(text, text.data() + text.size()), "the file is cut off");
  constexpr std::string_view key = "btime ";
  std::string_view rest = text, line;
  while (scan::next_line(rest, line)) {
    if (!line.starts_with(key)) continue;
    if (!scan::number(line.substr(key.size()), out)) return malformed(scan::line_of(text, line.data()), "btime is no number");
    return {};
  }
  return malformed(1, "no btime");  // every kernel prints it
}

class Boot final : public Collector {
 public:
  Status collect(const Node& node, Page& page) override {
    if (const Status status = node.read(kPath, text_); !status) return status;
    uint64_t seconds = 0;
    if (const Status status = parse(text_, seconds); !status) return status.of(kPath);
    page.one(kFamilies[kBootTime], seconds);
    return {};
  }

 private:
  Bytes text_;
};

}  // namespace

extern const Spec boot;
constinit const Spec boot = {
    .name = "boot",
    .summary = "When the machine was started (/proc/stat)",
    .families = kFamilies,
    .make = [](const Config&) -> std::unique_ptr<Collector> { return std::make_unique<Boot>(); },
};

}  // namespace fencewatch
