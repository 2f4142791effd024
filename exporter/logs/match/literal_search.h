// Many literals searched for in a text at once, ASCII case ignored: refuses most lines of a log at the speed of a string search.
// Wu and Manber, "A fast algorithm for multi-pattern searching" (1994), with blocks of two bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fencewatch {

class LiteralSearch {
 public:
  static constexpr size_t kShortest = 3;

  // Of at least kShortest bytes. `id` is what found() is told of it; ids may share literals and literals ids.
  void add(std::string_view literal, uint32_t id);
  void build();  // after the last add()
  bool empty() const { return literals_.empty(); }

  // Calls found(id) for each literal in `text`, once or more often; also for texts that differ from the literal in the bit that parts upper
  // from lower case in a byte that is no letter.
  template <class Found>
  void search(std::string_view text, Found&& found) const {
    if (shift_.empty()) return;
    const auto* begin = reinterpret_cast<const unsigned char*>(text.data());
    const size_t size = text.size();
    for (size_t at = window_ - 1; at < size;) {
      const uint8_t entry = shift_[block(begin[at - 1], begin[at])];
      if (entry < kBucket) {
        at += entry;
        continue;
      }
      const size_t start = at + 1 - window_;
      for (const Literal& literal : buckets_[entry - kBucket])
        if (literal.folded.size() <= size - start && same(begin + start, literal.folded)) found(literal.id);
      ++at;
    }
  }

 private:
  static constexpr unsigned kFold = 0xdf;    // without the bit that parts upper from lower case
  static constexpr uint8_t kBucket = 0x80;   // entries below are shifts, from here on buckets
  static constexpr size_t kBlocks = 0x6000;  // two bytes without that bit and without the topmost

  struct Literal {
    std::string folded;
    uint32_t id;
  };

  static size_t block(unsigned char a, unsigned char b) { return ((a & 0x5fu) << 8) | (b & 0x5fu); }
  static bool same(const unsigned char* text, const std::string& folded) {
    for (size_t i = 0; i < folded.size(); ++i)
      if ((text[i] & kFold) != static_cast<unsigned char>(folded[i])) return false;
    return true;
  }

  size_t window_ = 0;  // the length of the shortest
  std::vector<Literal> literals_;
  std::vector<uint8_t> shift_;  // by block: how far the window may go on, or which literals may stand in it
  std::vector<std::vector<Literal>> buckets_;
};

}  // namespace fencewatch
