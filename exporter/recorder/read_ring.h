// What a ring holds, for people and programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/status.h"
#include "exporter/recorder/ring_block.h"

namespace fencewatch {

struct Ring {
  std::vector<RingBlock> blocks;  // whole ones, the oldest first
  size_t torn = 0;                // blocks that hold something and are damaged
};
// Of the bytes of a ring, which may be cut off anywhere. Code::malformed: it is none.
Status read_ring(std::string_view bytes, Ring& out);

// A line for each record: an object of its time (ISO 8601, UTC), the boot's id, whether it was distress, whether something was left out,
// and its values by key.
std::string ring_to_json_lines(const Ring& ring);
// A header, then a line for each record; a column for each key that any has, empty where a record has none.
std::string ring_to_csv(const Ring& ring);

}  // namespace fencewatch
