// A collector: one subject, one file in collectors/, one line in collectors/all.cc. See collectors/README.md.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "exporter/node.h"
#include "exporter/page.h"
#include "exporter/status.h"

namespace fencewatch {

struct Config;

// The Runner calls all of these, one at a time, never two on the same collector at once; which thread calls may change. They
// may block (the Runner copes), must not log, sleep, retry or throw, and allocate nothing once warm unless they read logs.
class Collector {
 public:
  virtual ~Collector() = default;

  // Reads, parses, writes its families. After a fault the page is thrown away whole. Code::missing means that there is nothing to
  // read on this node (collector_available 0) and is not counted as a failure.
  virtual Status collect(const Node& node, Page& page) = 0;

  // Called every Spec::sample_every, or more rarely where that would cost more than 0.1 % of one CPU, for what a scrape every
  // 15 s cannot see. `elapsed` is the time since the call before, 0 at the first.
  virtual Status sample(const Node& /*node*/, std::chrono::nanoseconds /*elapsed*/) { return {}; }
};

struct Spec {
  std::string_view name;     // as in --collector.<name>
  std::string_view summary;  // one line for --help and METRICS.md
  std::span<const Family> families;
  std::unique_ptr<Collector> (*make)(const Config& config);  // may throw std::exception to refuse the start
  std::chrono::milliseconds deadline{1000};
  std::chrono::milliseconds sample_every{0};  // 0: sample() is not called
  bool on_by_default = true;
};

// The table of contents: defined in collectors/all.cc.
std::span<const Spec* const> all_collectors();

}  // namespace fencewatch
