// Which of a fixed list of keys a word is: most words of a kernel file are none of ours, and are told so without a comparison.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

namespace fencewatch {

// Made at compile time over `names`, which must stay, hold no empty one and be fewer than 255.
template <size_t kNames>
class KeyIndex {
 public:
  template <class Names, class NameOf>
  constexpr KeyIndex(const Names& names, NameOf name_of) {
    for (size_t i = 0; i < kNames; ++i) {
      names_[i] = name_of(names[i]);
      size_t slot = hash(names_[i]);
      while (table_[slot] != kNone) slot = (slot + 1) % kSlots;
      table_[slot] = static_cast<uint8_t>(i);
    }
  }

  // The place in the list, or -1.
  constexpr int find(std::string_view word) const {
    if (word.empty()) return -1;
    for (size_t slot = hash(word); table_[slot] != kNone; slot = (slot + 1) % kSlots)
      if (names_[table_[slot]] == word) return table_[slot];
    return -1;
  }

 private:
  static constexpr size_t kSlots = std::bit_ceil(8 * kNames);
  static constexpr uint8_t kNone = 255;
  static_assert(kNames < kNone);

  static constexpr size_t hash(std::string_view word) {
    const auto at = [word](size_t i) { return static_cast<unsigned char>(word[i]); };
    const size_t size = word.size();
    return (size * 131 + at(0) * 7u + at(size / 2) * 31u + at(size - size / 4 - 1) * 61u + at(size - 1) * 17u) % kSlots;
  }

  std::array<std::string_view, kNames> names_{};
  std::array<uint8_t, kSlots> table_ = [] {
    std::array<uint8_t, kSlots> empty{};
    empty.fill(kNone);
    return empty;
  }();
};

}  // namespace fencewatch
