#include "exporter/recorder/last_boot.h"

#include <algorithm>

namespace fencewatch {

// Called with the latest value first.
void LastBoot::add(const std::string& key, int64_t value) {
  const auto found = quantities_.find(key);
  if (found == quantities_.end()) {
    if (quantities_.size() < kMost) quantities_[key] = {value, value, value, value};
    return;
  }
  Seen& seen = found->second;
  seen.first = value;
  seen.lowest = std::min(seen.lowest, value);
  seen.highest = std::max(seen.highest, value);
}

LastBoot LastBoot::of(const Ring& ring) {
  LastBoot found;
  const RingBlock* wanted = nullptr;
  for (auto block = ring.blocks.rbegin(); block != ring.blocks.rend(); ++block) {
    if (wanted == nullptr && (block->boot_id == ring.blocks.back().boot_id || block->rows.empty())) continue;
    if (wanted == nullptr) wanted = &*block;
    if (block->boot_id != wanted->boot_id || !found.add(*block)) break;
  }
  return found;
}

bool LastBoot::add(const RingBlock& block) {
  for (auto row = block.rows.rbegin(); row != block.rows.rend(); ++row) {
    if (!last_ms_) last_ms_ = row->time_ms;
    if (row->time_ms < *last_ms_ - kSpanMs) return false;
    for (size_t i = 0; i < row->values.size(); ++i) add(block.keys[i], row->values[i]);
  }
  return true;
}

}  // namespace fencewatch
