#include "exporter/base/bytes.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fencewatch {

void Bytes::reserve(size_t n) {
  if (n <= capacity_) return;
  n = std::max(n, 2 * capacity_);
  auto larger = std::make_unique_for_overwrite<char[]>(n);
  if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_);
  data_ = std::move(larger);
  capacity_ = n;
}

void Bytes::append(std::string_view text) {
  if (text.empty()) return;
  reserve(size_ + text.size());
  std::memcpy(data_.get() + size_, text.data(), text.size());
  size_ += text.size();
}

}  // namespace fencewatch
