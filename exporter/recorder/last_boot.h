// The last five minutes that a ring holds of a boot.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/recorder/read_ring.h"

namespace fencewatch {

class LastBoot {
 public:
  static constexpr int64_t kSpanMs = 300'000;
  static constexpr size_t kMost = 256;  // quantities

  // Of the boot before that of the newest block.
  static LastBoot of(const Ring& ring);

  // The blocks of one boot, the latest first. False: those before are not wanted.
  bool add(const RingBlock& block);

  std::optional<int64_t> last_ms() const { return last_ms_; }  // of the last record

  // visit(quantity, stat, value): of what is counted, *_total, the stat "increase"; of the rest "last", "lowest", "highest".
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& [key, seen] : quantities_) {
      if (is_counted(key)) {
        visit(key, "increase", seen.last - seen.first);
        continue;
      }
      visit(key, "last", seen.last);
      visit(key, "lowest", seen.lowest);
      visit(key, "highest", seen.highest);
    }
  }

 private:
  struct Seen {
    int64_t first, last, lowest, highest;
  };
  static bool is_counted(std::string_view key) { return key.substr(0, key.find('/')).ends_with("_total"); }
  void add(const std::string& key, int64_t value);

  std::optional<int64_t> last_ms_;
  std::map<std::string, Seen, std::less<>> quantities_;
};

}  // namespace fencewatch
