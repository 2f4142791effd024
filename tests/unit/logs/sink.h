// A sink that keeps what it is given.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exporter/logs/sources/source.h"

struct RecordingSink final : fencewatch::Sink {
  struct Kept {
    fencewatch::Channel channel;
    std::string text, identifier;
    int64_t time_us;
    uint32_t repeated;
  };
  void line(const fencewatch::Line& line) override {
    lines.push_back({line.channel, std::string(line.text), std::string(line.identifier), line.time_us, line.repeated});
  }
  void lost(fencewatch::Channel, std::string_view reason, uint64_t count) override { lost_lines[std::string(reason)] += count; }
  void rotated() override { ++rotations; }
  void truncated() override { ++truncations; }

  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const Kept& kept : lines) all.push_back(kept.text);
    return all;
  }

  std::vector<Kept> lines;
  std::map<std::string, uint64_t> lost_lines;
  int rotations = 0, truncations = 0;
};

using Texts = std::vector<std::string>;

// Reads until there is no more. False: a fault.
inline bool drain(fencewatch::Source& source, RecordingSink& sink, size_t max = 100) {
  for (bool more = true; more;)
    if (!source.read(sink, max, more)) return false;
  return true;
}
