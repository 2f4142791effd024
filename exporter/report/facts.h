// What is known of one node: the samples of its collectors and the events of its logs. Findings are made of nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/base/line.h"
#include "exporter/base/time_zone.h"
#include "exporter/report/report.h"
#include "exporter/report/samples.h"

namespace fencewatch {

// A line that a pattern with a name matched.
struct Event {
  int64_t time_us = 0;    // Unix time by the clock of its node; 0: unknown
  std::string_view name;  // Pattern::event
  Channel channel = Channel::kernel;
  uint32_t repeated = 1;
  std::string file;
  uint64_t line = 0;
  std::string text;
  std::vector<std::pair<std::string_view, std::string>> fields;  // Pattern::fields

  std::string_view operator[](std::string_view field) const;  // empty: there is none
};

// The first and last line of a file in one minute, whoever says it: until when a node was alive.
struct SignOfLife {
  int64_t first_us = 0, last_us = 0;
  uint64_t last_line = 0;
  uint32_t file = 0;  // in Facts::files
};

// A value that somebody has set: of /etc/corosync/corosync.conf "corosync.quorum.device.model", of sysconfig "sbd.SBD_WATCHDOG_TIMEOUT", of
// `sbd dump` "sbd.disk.watchdog".
struct Configured {
  std::string key, value, file;
  uint64_t line = 0;
};

struct Facts {
  std::string node;    // its name, without a domain
  std::string source;  // the path that was given; empty: the live node
  TimeZone zone;       // by which its times are told
  std::vector<Configured> configuration;
  std::map<std::string, std::string> members;  // names of the cluster's nodes, by number
  Samples samples;
  std::vector<Event> events;  // in the order of time; those of unknown time first
  std::vector<std::string> files;
  std::vector<SignOfLife> life;  // in the order of time
  std::vector<Unread> unread;

  const Configured* configured(std::string_view key) const;  // null: it is not set
};

// Of an event, and of a sample, for a report.
Evidence evidence_of(const Facts& facts, const Event& event);
Evidence evidence_of(const Facts& facts, const Sample& sample);
Evidence evidence_of(const Facts& facts, const Configured& configured);

// The local time of the watched host, ISO 8601 with offset; empty for 0.
std::string iso_time(const TimeZone& zone, int64_t time_us);

}  // namespace fencewatch
