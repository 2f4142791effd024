#include "exporter/logs/match/literal_search.h"

#include <algorithm>

namespace fencewatch {

void LiteralSearch::add(std::string_view literal, uint32_t id) {
  std::string folded(literal);
  for (char& c : folded) c = static_cast<char>(static_cast<unsigned char>(c) & kFold);
  literals_.push_back({std::move(folded), id});
}

void LiteralSearch::build() {
  if (literals_.empty()) return;
  window_ = 0x7f;  // the largest shift that an entry holds
  for (const Literal& literal : literals_) window_ = std::min(window_, literal.folded.size());
  shift_.assign(kBlocks, static_cast<uint8_t>(window_ - 1));
  buckets_.clear();
  const auto block_at = [](const std::string& text, size_t at) {
    return block(static_cast<unsigned char>(text[at - 1]), static_cast<unsigned char>(text[at]));
  };
  for (const Literal& literal : literals_) {
    for (size_t at = 1; at + 1 < window_; ++at) {
      uint8_t& entry = shift_[block_at(literal.folded, at)];
      entry = std::min(entry, static_cast<uint8_t>(window_ - 1 - at));
    }
  }
  for (Literal& literal : literals_) {
    uint8_t& entry = shift_[block_at(literal.folded, window_ - 1)];
    if (entry < kBucket) {
      const size_t bucket = std::min<size_t>(buckets_.size(), 0xff - kBucket);  // when all are taken, the last is shared
      buckets_.resize(std::max(buckets_.size(), bucket + 1));
      entry = static_cast<uint8_t>(kBucket + bucket);
    }
    buckets_[entry - kBucket].push_back(literal);
  }
}

}  // namespace fencewatch
