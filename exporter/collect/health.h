// The families of the exporter itself: what became of the collectors, and the process.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "exporter/base/status.h"
#include "exporter/collect/recent_increase.h"
#include "exporter/exposition/page.h"
#include "exporter/memory/own_process.h"

namespace fencewatch::health {

struct Build {
  std::string_view version;
  std::string_view revision;
};

// One collector as one scrape shows it.
struct Collector {
  LabelText label;
  bool up = false;
  bool available = false;
  std::chrono::nanoseconds duration{0};
  std::chrono::nanoseconds running{0};  // 0: idle
  Code failing = Code::ok;              // why there is nothing of it in this scrape; ok: nothing is wrong
  std::array<uint64_t, kCodes> failures{};
  const RecentIncrease* recent = nullptr;
};

// ok is no failure, and missing means that there is nothing to read.
constexpr bool is_failure(Code code) { return code != Code::ok && code != Code::missing; }

std::span<const Family> families();
void write(std::span<const Collector> collectors, RecentIncrease::Clock::time_point now, Page& page);
void write(const Build& build, const ProcessUsage& usage, std::chrono::nanoseconds disk_hanging, Page& page);

// Into the log: what a collector came to. `detail` is what was said, e.g. by an exception.
void tell(std::string_view collector, const Status& status, std::string_view detail);

}  // namespace fencewatch::health
