#include "exporter/recorder/read_ring.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>

namespace fencewatch {
namespace {

std::string utc(int64_t time_ms) {
  const int64_t milliseconds = ((time_ms % 1000) + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((time_ms - milliseconds) / 1000);
  std::tm parts{};
  char text[80];
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time_ms);
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(milliseconds));
  return text;
}

template <class Visit>
void each_row(const Ring& ring, Visit visit) {
  for (const RingBlock& block : ring.blocks)
    for (const RingRow& row : block.rows) visit(block, row);
}

}  // namespace

Status read_ring(std::string_view bytes, Ring& out) {
  out = {};
  RingHeader header;
  if (bytes.size() < kBlockSize || !decode(bytes.substr(0, kBlockSize), header)) return malformed(1, "no ring of this version's recorder");
  bytes.remove_prefix(kBlockSize);
  for (uint64_t place = 0; bytes.size() >= kBlockSize; ++place, bytes.remove_prefix(kBlockSize)) {
    const std::string_view block = bytes.substr(0, kBlockSize);
    RingBlock read;
    if (decode(block, read) && read.sequence % header.blocks == place)
      out.blocks.push_back(std::move(read));
    else if (block.find_first_not_of('\0') != block.npos)
      ++out.torn;
  }
  std::ranges::sort(out.blocks, {}, &RingBlock::sequence);
  return {};
}

std::string ring_to_json_lines(const Ring& ring) {
  std::string out;
  each_row(ring, [&out](const RingBlock& block, const RingRow& row) {
    out.append("{\"time\":\"").append(utc(row.time_ms)).append("\",\"boot\":\"").append(block.boot_id).append("\",\"distress\":");
    out.append(row.distress ? "true" : "false").append(",\"cut\":").append(row.cut ? "true" : "false").append(",\"values\":{");
    for (size_t i = 0; i < row.values.size(); ++i)
      out.append(i > 0 ? ",\"" : "\"").append(block.keys[i]).append("\":").append(std::to_string(row.values[i]));
    out += "}}\n";
  });
  return out;
}

std::string ring_to_csv(const Ring& ring) {
  std::map<std::string_view, size_t> columns;
  std::string out = "time,boot,distress,cut";
  for (const RingBlock& block : ring.blocks)
    for (const std::string& key : block.keys)
      if (columns.try_emplace(key, columns.size()).second) out.append(",").append(key);
  out += '\n';
  std::vector<std::optional<int64_t>> values(columns.size());
  each_row(ring, [&](const RingBlock& block, const RingRow& row) {
    std::ranges::fill(values, std::nullopt);
    for (size_t i = 0; i < row.values.size(); ++i) values[columns[block.keys[i]]] = row.values[i];
    out.append(utc(row.time_ms)).append(",").append(block.boot_id).append(row.distress ? ",1" : ",0").append(row.cut ? ",1" : ",0");
    for (const auto& value : values) {
      out += ',';
      if (value) out += std::to_string(*value);
    }
    out += '\n';
  });
  return out;
}

}  // namespace fencewatch
