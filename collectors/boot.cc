// When the machine was started, /proc/stat (proc(5)), how the boot before ended, /var/log/wtmp and the journal, and what the logs told
// then.
#include <algorithm>
#include <ctime>
#include <optional>
#include <string>

#include "collectors/host/boot_events.h"
#include "collectors/host/wtmp.h"
#include "exporter/base/scan.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "exporter/logs/log_sources.h"
#include "exporter/logs/sources/previous_boot.h"

namespace fencewatch {
namespace {

constexpr std::string_view kPath = "proc/stat";

constexpr std::string_view kBootId = "proc/sys/kernel/random/boot_id";
constexpr std::string_view kJournal = "var/log/journal";
constexpr std::string_view kWtmp = "var/log/wtmp";
constexpr std::string_view kOlderWtmp = "var/log/wtmp.1";
constexpr uint64_t kSameBoot = 86400;  // seconds: the clock may have been set since

enum { kBootTime, kPreviousClean, kUnclean, kPreviousEvents };
constexpr Family kFamilies[] = {
    {"fencewatch_boot_time_seconds", Type::gauge, "When the machine was started, in seconds since 1970, from btime in /proc/stat.", ""},
    {"fencewatch_previous_boot_clean", Type::gauge,
     "1 if the boot before this one ended with a shutdown, 0 if it just ended, as by a fence, from /var/log/wtmp or, where that does not "
     "tell, the journal; absent where neither does.",
     ""},
    {"fencewatch_previous_boot_unclean_timestamp_seconds", Type::gauge,
     "When the machine was started after a boot that just ended, in seconds since 1970, from /proc/stat; absent when the boot before "
     "this one ended with a shutdown or nobody knows.",
     ""},
    {"fencewatch_previous_boot_events", Type::gauge,
     "What was told in the last ten minutes of the boot before this one, from the kernel's log and those of corosync, pacemaker and "
     "sbd; absent when the exporter did not run then or its state is lost.",
     "event"},
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

class ThisBoot final : public Collector {
 public:
  explicit ThisBoot(const Settings& settings) : once_(settings.mode == Settings::Mode::once), journal_(journal_directory(settings)) {}

  Status collect(const Node& node, Page& page) override {
    if (const Status status = node.read(kPath, text_); !status) return status;
    uint64_t seconds = 0;
    if (const Status status = parse(text_, seconds); !status) return status.of(kPath);
    page.one(kFamilies[kBootTime], seconds);
    // Not what can change before the next boot. The journal later: memory is locked after the first scrape, and libsystemd would be locked
    // whole if it were there already.
    if (asked_ == 0) ask(node, seconds);
    if (asked_ == (once_ ? 0 : 1)) ask_journal(node);
    asked_ = std::min(asked_ + 1, 2);
    if (previous_clean_) page.one(kFamilies[kPreviousClean], uint64_t{*previous_clean_});
    if (previous_clean_ == false) page.one(kFamilies[kUnclean], seconds);
    if (const auto counted = events_.previous()) {
      page.begin(kFamilies[kPreviousEvents]);
      for (size_t event = 0; event < counted->size(); ++event)
        page.sample({{"event", BootEvents::name(event)}}, uint64_t{(*counted)[event]});
    }
    return {};
  }

  std::span<const Pattern> patterns() const override { return events_.patterns(); }
  void on_event(const Match& match) override { events_.on_event(match); }
  std::string memory() const override { return events_.memory(std::time(nullptr)); }
  void remember(std::string_view memory) override { events_.remember(memory); }

 private:
  void ask(const Node& node, uint64_t boot_time) {
    std::string_view id;
    if (Bytes text; node.read(kBootId, text)) {
      std::string_view rest = text;
      scan::next_line(rest, id);
      boot_id_ = id;
      events_.booted(boot_id_, static_cast<int64_t>(boot_time));
    }
    previous_clean_ = ask_wtmp(node, boot_time);
  }

  void ask_journal(const Node& node) {
    if (Names names; !previous_clean_ && !boot_id_.empty() && node.list(kJournal, names) && !names.empty())
      previous_clean_ = previous_boot_clean(journal_, boot_id_);
  }

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

  const bool once_;
  const std::string journal_;
  Bytes text_;
  BootEvents events_;
  std::string boot_id_;
  int asked_ = 0;
  std::optional<bool> previous_clean_;
};

constexpr std::string_view kReads[] = {kPath, kBootId, kJournal, kWtmp, kOlderWtmp};

}  // namespace

extern const Spec boot;
constinit const Spec boot = {
    .name = "boot",
    .summary =
        "When the machine was started, how the boot before ended and what the logs told then (/proc/stat, /var/log/wtmp, journal, logs)",
    .families = kFamilies,
    .reads = kReads,
    .make = [](const Settings& settings) -> std::unique_ptr<Collector> { return std::make_unique<ThisBoot>(settings); },
};

}  // namespace fencewatch
