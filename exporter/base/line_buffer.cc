#include "exporter/base/line_buffer.h"

#include <algorithm>
#include <cstring>

namespace fencewatch {

std::span<char> LineBuffer::room() {
  if (begin_ > 0) {
    std::memmove(data_.data(), data_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(data_).subspan(end_);
}

void LineBuffer::added(size_t n) {
  if (clipping_) {
    char* const piece = data_.data() + end_;
    const auto* newline = static_cast<const char*>(std::memchr(piece, '\n', n));
    const size_t more = newline != nullptr ? static_cast<size_t>(newline - piece) : n;
    dropped_ += more;
    n -= more;
    if (n == 0) return;
    std::memmove(piece, newline, n);
    clipping_ = false;
    clipped_ = true;
  }
  end_ += n;
}

void LineBuffer::take(size_t length, Cut& cut) {
  cut.line = {data_.data() + begin_, std::min(length, kMaxLine)};
  cut.bytes = dropped_ + length;
  cut.clipped = clipped_ || clipping_ || length > kMaxLine;
  begin_ += length;
  dropped_ = 0;
  clipped_ = clipping_ = false;
}

bool LineBuffer::next(Cut& cut) {
  while (!clipping_ && begin_ < end_ && data_[begin_] == '\0') ++begin_, ++dropped_;
  const char* const line = data_.data() + begin_;
  const auto* newline = clipping_ ? nullptr : static_cast<const char*>(std::memchr(line, '\n', end_ - begin_));
  if (newline != nullptr) {
    take(static_cast<size_t>(newline - line), cut);
    ++begin_;
    ++cut.bytes;
    return true;
  }
  if (end_ - begin_ > kMaxLine) {
    dropped_ += end_ - begin_ - kMaxLine;
    end_ = begin_ + kMaxLine;
    clipping_ = true;
  }
  return false;
}

bool LineBuffer::flush(Cut& cut) {
  if (waiting() == 0) return false;
  take(end_ - begin_, cut);
  return true;
}

}  // namespace fencewatch
