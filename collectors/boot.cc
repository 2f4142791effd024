// When the machine was started, /proc/stat (proc(5)), and how the boot before ended, /var/log/wtmp.
#include <algorithm>
#include <optional>

#include "collectors/wtmp.h"
#include "exporter/collector.h"
#include "exporter/scan.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/stat";

constexpr std::string_view kWtmp = "var/log/wtmp";
constexpr std::string_view kOlderWtmp = "var/log/wtmp.1";
constexpr uint64_t kSameBoot = 86400;  // seconds: the clock may have been set since

enum { kBootTime, kPreviousClean };
constexpr Family kFamilies[] = {
    {"fencewatch_boot_time_seconds", Type::gauge, "When the machine was started, in seconds since 1970, from btime in /proc/stat.", ""},
    {"fencewatch_previous_boot_clean", Type::gauge,
     "1 if the boot before this one ended with a shutdown, 0 if it just ended, as by a fence, from /var/log/wtmp; absent where it does not "
     "tell.",
     ""},
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
    if (!asked_) previous_clean_ = ask_wtmp(node, seconds);
    asked_ = true;
    if (previous_clean_) page.one(kFamilies[kPreviousClean], uint64_t{*previous_clean_});
    return {};
  }

 private:
  // Not every distribution keeps one, or one of this format: what cannot be read does not tell, and is no fault.
  static std::optional<bool> ask_wtmp(const Node& node, uint64_t boot_time) {
    Bytes records, newer;
    Wtmp wtmp;
    if (!node.read(kWtmp, newer) || !parse_wtmp(newer, wtmp) || wtmp.boots == 0) return std::nullopt;
    if (std::max(wtmp.last_boot, boot_time) - std::min(wtmp.last_boot, boot_time) > kSameBoot) return std::nullopt;  // no longer written
    if (wtmp.boots == 1 && node.read(kOlderWtmp, records)) {  // rotated since the boot before
      records.append(newer);
      if (!parse_wtmp(records, wtmp)) return std::nullopt;
    }
    return wtmp.previous_clean;
  }

  Bytes text_;
  bool asked_ = false;  // once: it cannot change before the next boot
  std::optional<bool> previous_clean_;
};

}  // namespace

extern const Spec boot;
constinit const Spec boot = {
    .name = "boot",
    .summary = "When the machine was started, and how the boot before ended (/proc/stat, /var/log/wtmp)",
    .families = kFamilies,
    .make = [](const Config&) -> std::unique_ptr<Collector> { return std::make_unique<Boot>(); },
};

}  // namespace fencewatch
