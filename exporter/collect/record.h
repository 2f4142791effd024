// One second of a node in numbers, for the recorder: what collectors know already, without another look at the node.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fencewatch {

// Of fixed size: whoever fills it allocates nothing.
class Record {
 public:
  static constexpr size_t kMost = 255;       // values
  static constexpr size_t kTextSize = 3000;  // bytes of their keys

  // The unit is in the key, as "zone_free_pages" or "pressure_memory_full_us_total"; what has no value is left out. `of` and `part` say of
  // what it is: zone_free_pages/0/Normal. Other characters than letters, digits, _ . : - become _. What does not fit is left out whole, and
  // cut() says so.
  void put(std::string_view key, int64_t value) { add(key, {}, {}, value); }
  void put(std::string_view key, std::string_view of, std::string_view part, int64_t value) { add(key, of, part, value); }
  // What happens now must not be lost: it is on the disk a second later.
  void distress() { distress_ = true; }

  void clear(int64_t time_ms);  // Unix time
  int64_t time_ms() const { return time_ms_; }
  bool is_distress() const { return distress_; }
  bool cut() const { return cut_; }
  size_t size() const { return count_; }
  std::string_view key(size_t i) const { return {text_.data() + begins_[i], static_cast<size_t>(begins_[i + 1] - begins_[i])}; }
  int64_t value(size_t i) const { return values_[i]; }
  std::string_view keys() const { return {text_.data(), begins_[count_]}; }  // one after the other

 private:
  void add(std::string_view key, std::string_view of, std::string_view part, int64_t value);

  int64_t time_ms_ = 0;
  size_t count_ = 0;
  bool distress_ = false, cut_ = false;
  std::array<uint16_t, kMost + 1> begins_{};
  std::array<int64_t, kMost> values_{};
  std::array<char, kTextSize> text_{};
};

// Whether a key can have come from a Record.
constexpr bool is_of_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':' || c == '-' ||
         c == '/';
}

}  // namespace fencewatch
