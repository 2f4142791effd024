// What diagnose and the status page have to say: plain values, in both languages, for the renderers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fencewatch {

struct Text {
  std::string en, zh;
};

// A line of a log or another file, or a sample. What is not known is empty or 0.
struct Evidence {
  std::string node;
  std::string file;
  uint64_t line = 0;  // the first is 1
  std::string time;   // the host's own, ISO 8601 with offset
  std::string text;
  std::string metric;  // name{labels}; then `value` holds
  double value = 0;
};

enum class Severity : uint8_t { info, advice, warning, critical };
constexpr std::string_view name(Severity severity) {
  constexpr std::string_view names[] = {"info", "advice", "warning", "critical"};
  return names[static_cast<int>(severity)];
}

struct Finding {
  std::string id;
  Severity severity = Severity::info;
  int stage = 0;  // that it lifts its node to; 0: none
  Text says, advice;
  std::vector<Evidence> evidence;
};

enum class Confidence : uint8_t { low, medium, high };
constexpr std::string_view name(Confidence confidence) {
  constexpr std::string_view names[] = {"low", "medium", "high"};
  return names[static_cast<int>(confidence)];
}

struct Reason {
  Text says;
  std::vector<Evidence> evidence;
};
struct Considered {
  std::string cause;
  double score = 0;  // what speaks for it, less what speaks against
  std::vector<Reason> speaks_for, against;
  std::vector<Text> missing;
};

struct Incident {
  std::string at;  // as Evidence::time
  int64_t at_us = 0;
  std::string kind;    // fenced, self_fenced, unclean_boot, node_lost, panic, token_lost, oom
  std::string target;  // the node
  std::string by;      // who fenced it; empty: nobody, or not known
  std::string cause;
  Confidence confidence = Confidence::low;
  int stage = 3;
  Text says;
  std::vector<Considered> causes;    // the likeliest first
  std::vector<Evidence> events;      // of the ten minutes before, and a minute after
  std::vector<int64_t> event_times;  // theirs, sorted, by the clock of the teller
};

struct KilledProcess {
  std::string at, victim, cause;
  Evidence evidence;
};

struct Unread {
  std::string file, reason;
};

struct Advisory {
  std::string id, status, fixed_in;
};

struct ZoneMarks {
  std::string numa_node, name;
  double present = 0, managed = 0, free = 0;  // pages
  double min = 0, low = 0, high = 0;          // as printed
  double expected_min = -1;                   // by the kernel's own formula; below 0: not known
};

// A link of the chain from wrong books to a fence, as it is now.
enum class LinkState : uint8_t { unknown, good, warning, bad };
struct ChainLink {
  std::string id;  // books, memory, token, fence
  LinkState state = LinkState::unknown;
  Text title, says;
};

struct NodeReport {
  std::string name, source;  // source empty: only others tell of it
  std::string release, vendor, product;
  std::vector<Advisory> advisories;
  int stage = 0;
  Text verdict;
  std::vector<Finding> findings;
  std::vector<Incident> incidents;
  std::vector<KilledProcess> oom_kills;
  std::vector<Unread> unread;
  std::vector<ZoneMarks> zones;
  std::vector<ChainLink> chain;
};

struct TimelineEntry {
  std::string at, node, event, file;
  uint64_t line = 0;
  std::string text;
  uint32_t repeated = 1;
};

struct Report {
  std::vector<NodeReport> nodes;
  std::map<std::string, double> clock_offsets;  // by node, seconds to add to its times; those that are known
  bool same_model = false, same_kernel = false;
  std::vector<TimelineEntry> timeline;
  int exit_code = 0;
};

}  // namespace fencewatch
