// Cuts lines out of what is read from a file, in whatever pieces it comes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace fencewatch {

// A line longer than kMaxLine is cut there. NUL bytes before a line, which a truncated file has, are passed over.
class LineBuffer {
 public:
  static constexpr size_t kMaxLine = 8 << 10;

  struct Cut {
    std::string_view line;  // without the newline; good until room()
    uint64_t bytes = 0;     // that it took in the file
    bool clipped = false;
  };

  std::span<char> room();  // where to read to; never empty after next() has given all
  void added(size_t n);
  bool next(Cut& cut);                                                              // the next whole line
  bool flush(Cut& cut);                                                             // what waits for its newline
  std::string_view peek() const { return {data_.data() + begin_, end_ - begin_}; }  // all that was not yet given
  uint64_t waiting() const { return dropped_ + (end_ - begin_); }                   // bytes of it, after next() has given all
  void clear() { *this = LineBuffer(); }

 private:
  void take(size_t length, Cut& cut);

  size_t begin_ = 0, end_ = 0;
  uint64_t dropped_ = 0;   // bytes of the waiting line that are not kept
  bool clipping_ = false;  // until its newline comes
  bool clipped_ = false;
  std::array<char, 64 << 10> data_;
};

}  // namespace fencewatch
