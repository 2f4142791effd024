// The blocks of the recorder's ring. README.md beside this says what each byte is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collect/record.h"

namespace fencewatch {

inline constexpr size_t kBlockSize = 4096;  // of a disk's own, written whole or torn
inline constexpr uint32_t kRingVersion = 1;

// The first block of the file, written once.
struct RingHeader {
  uint64_t blocks = 0;  // that follow; that of sequence n is number n % blocks
};
void encode(const RingHeader& header, std::span<char, kBlockSize> out);
bool decode(std::string_view bytes, RingHeader& out);  // false: damaged, or of another version

struct RingRow {
  int64_t time_ms = 0;  // Unix time
  bool distress = false;
  bool cut = false;             // there were values for which there was no room
  std::vector<int64_t> values;  // beside the block's keys
};
struct RingBlock {
  uint64_t sequence = 0;
  std::string boot_id;  // 32 hexadecimal digits
  std::vector<std::string> keys;
  std::vector<RingRow> rows;
};
// False: it is torn, or never was one.
bool decode(std::string_view bytes, RingBlock& out);
// As decode(), of the sequence and the boot alone. `boot_id` are 16 bytes.
bool is_block(std::string_view bytes, uint64_t& sequence, std::string_view& boot_id);

std::string hex_of_boot(std::string_view bytes);
std::array<char, 16> bytes_of_boot(std::string_view id);  // of the kernel's text, with or without dashes; what is no digit ends it

// A block in the making. Allocates nothing.
class BlockWriter {
 public:
  explicit BlockWriter(std::array<char, 16> boot_id) : boot_id_(boot_id) {}

  // False: it does not fit, or has other keys than what is there: finish() first. Into an empty block as many values go as fit.
  bool add(const Record& record);
  bool empty() const { return rows_ == 0; }
  size_t rows() const { return rows_; }
  int64_t first_ms() const { return base_ms_; }
  // The block whole, of this sequence; the next add() begins another.
  void finish(uint64_t sequence, std::span<char, kBlockSize> out);

 private:
  void begin(const Record& record);

  std::array<char, 16> boot_id_;
  std::array<char, kBlockSize> bytes_{};
  size_t used_ = 0;
  uint16_t keys_ = 0, rows_ = 0;
  bool left_out_ = false;  // keys for which there is no room
  int64_t base_ms_ = 0;
  std::array<int64_t, Record::kMost> last_{};
};

}  // namespace fencewatch
