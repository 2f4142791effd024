// A collector: one subject, one file in collectors/, one line in collectors/all.cc. See collectors/README.md.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "exporter/base/line.h"
#include "exporter/base/status.h"
#include "exporter/exposition/page.h"
#include "exporter/node/node.h"

namespace fencewatch {

struct Settings;
class Counts;

// What a collector wants to hear of. Searched for in the text of a line, never anchored to what stands before it.
struct Pattern {
  Channel channel;
  std::string_view expression;  // RE2; its groups come with the Match
  std::string_view example;     // a real line that it matches: a test asks
  std::string_view event = {};   // what diagnose calls it; empty: it tells diagnose nothing, or another collector's pattern does
  std::string_view fields = {};  // names of the first groups for diagnose, comma separated: "action,target"
};

struct Match {
  const Line& line;
  size_t pattern;                            // index in patterns()
  std::span<const std::string_view> groups;  // what the parentheses caught, the first at 0; empty views where nothing was
};

// The Runner calls all of these, one at a time, never two on the same collector at once; which thread calls may change, and the
// smallest of their stacks is 100 KiB. They may block (the Runner copes), must not log, sleep, retry or throw, and allocate nothing
// once warm unless they read logs.
class Collector {
 public:
  virtual ~Collector() = default;

  // Reads, parses, writes its families. After a fault the page is thrown away whole. Code::missing means that there is nothing to
  // read on this node (collector_available 0) and is not counted as a failure.
  virtual Status collect(const Node& node, Page& page) = 0;

  // Called every Spec::sample_every, or more rarely where that would cost more than 0.1 % of one CPU, for what a scrape every
  // 15 s cannot see. `elapsed` is the time since the call before, of this or of glance(), 0 at the first.
  virtual Status sample(const Node& /*node*/, std::chrono::nanoseconds /*elapsed*/) { return {}; }

  // Called in place of sample() when that is not due yet because of its price: every Spec::sample_every, with the time since the last call
  // of either. False: sample() wants to be called now, at up to 1 % of one CPU, as what it watches may be about to happen.
  virtual bool glance(const Node& /*node*/, std::chrono::nanoseconds /*elapsed*/) { return true; }

  // Asked once, before the first line. The texts live as long as the collector.
  virtual std::span<const Pattern> patterns() const { return {}; }
  // Called on the reading thread, line by line in the order of each channel, also while collect() is at work: counts; never blocks.
  virtual void on_event(const Match& /*match*/) {}
  // What on_event() counts and the state file keeps; null: nothing. The same object for ever.
  virtual Counts* counts() { return nullptr; }
  // What on_event() must know of lines before beside counts(), so that an event told in several lines is counted once although a restart
  // came between them: one line of text, empty for nothing. On the reading thread; remember() before its first line, with the text of a
  // memory() that may be of another version.
  virtual std::string memory() const { return {}; }
  virtual void remember(std::string_view /*memory*/) {}
};

struct Spec {
  std::string_view name;     // as in --collector.<name>
  std::string_view summary;  // one line for --help and METRICS.md
  std::span<const Family> families;
  // Every path that it may ask the Node for; * stands for anything. Tests hold it to that, and change each of these files at random.
  std::span<const std::string_view> reads = {};
  std::unique_ptr<Collector> (*make)(const Settings& settings);  // may throw std::exception to refuse the start
  std::chrono::milliseconds deadline{1000};
  std::chrono::milliseconds sample_every{0};  // 0: sample() is not called
  bool glances = false;                       // glance() is
  bool on_by_default = true;
};

// The table of contents: defined in collectors/all.cc.
std::span<const Spec* const> all_collectors();

}  // namespace fencewatch
