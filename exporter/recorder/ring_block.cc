#include "exporter/recorder/ring_block.h"

#include <zlib.h>

#include <bit>
#include <cstring>

namespace fencewatch {
namespace {

static_assert(std::endian::native == std::endian::little, "the ring is little endian");

constexpr uint32_t kHeaderMagic = 0x48525746;  // FWRH
constexpr uint32_t kBlockMagic = 0x42525746;   // FWRB

struct Head {
  uint32_t magic, crc;  // of all that follows
  uint64_t sequence;
  char boot_id[16];
  int64_t base_ms;
  uint16_t keys, rows;
  uint32_t used;  // bytes of the block
};
static_assert(sizeof(Head) == 48);
constexpr size_t kChecked = 8;      // where the checksum begins
constexpr size_t kLongestInt = 10;  // bytes of a number

uint32_t checksum(const char* block) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(block + kChecked), kBlockSize - kChecked));
}

uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
int64_t unzigzag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

// LEB128.
size_t put_number(uint64_t value, char* out) {
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) out[size++] = static_cast<char>(value | 0x80);
  out[size++] = static_cast<char>(value);
  return size;
}
bool take_number(std::string_view& text, uint64_t& out) {
  out = 0;
  for (size_t i = 0; i < text.size() && i < kLongestInt; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    out |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    text.remove_prefix(i + 1);
    return true;
  }
  return false;
}

int64_t plus(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
int64_t minus(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); }

bool read_head(std::string_view bytes, uint32_t magic, Head& head) {
  if (bytes.size() != kBlockSize) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  return head.magic == magic && head.crc == checksum(bytes.data());
}

bool take_keys(std::string_view& rest, size_t count, std::vector<std::string>& out) {
  for (size_t i = 0; i < count; ++i) {
    const size_t size = rest.empty() ? 0 : static_cast<unsigned char>(rest[0]);
    if (size == 0 || rest.size() < 1 + size) return false;
    const std::string_view key = rest.substr(1, size);
    for (const char c : key)
      if (!is_of_key(c)) return false;
    out.emplace_back(key);
    rest.remove_prefix(1 + size);
  }
  return true;
}

bool take_row(std::string_view& rest, const RingBlock& block, int64_t base_ms, RingRow& row) {
  uint64_t number = 0;
  if (!take_number(rest, number)) return false;
  constexpr int64_t kLatest = 253'402'300'800'000;  // the year 10000: sums of times do not overflow
  row.time_ms = plus(base_ms, unzigzag(number));
  if (row.time_ms < 0 || row.time_ms > kLatest) return false;
  if (!take_number(rest, number) || number > 3) return false;
  row.distress = number & 1, row.cut = number & 2;
  for (size_t i = 0; i < block.keys.size(); ++i) {
    if (!take_number(rest, number)) return false;
    row.values.push_back(plus(block.rows.empty() ? 0 : block.rows.back().values[i], unzigzag(number)));
  }
  return true;
}

}  // namespace

void encode(const RingHeader& header, std::span<char, kBlockSize> out) {
  std::memset(out.data(), 0, out.size());
  Head head{};
  head.magic = kHeaderMagic;
  head.sequence = header.blocks;
  head.used = kRingVersion;
  std::memcpy(out.data(), &head, sizeof head);
  head.crc = checksum(out.data());
  std::memcpy(out.data(), &head, sizeof head);
}

bool decode(std::string_view bytes, RingHeader& out) {
  Head head;
  if (!read_head(bytes, kHeaderMagic, head) || head.used != kRingVersion || head.sequence == 0) return false;
  out.blocks = head.sequence;
  return true;
}

bool is_block(std::string_view bytes, uint64_t& sequence, std::string_view& boot_id) {
  Head head;
  if (!read_head(bytes, kBlockMagic, head)) return false;
  sequence = head.sequence;
  boot_id = bytes.substr(offsetof(Head, boot_id), sizeof head.boot_id);
  return true;
}

bool decode(std::string_view bytes, RingBlock& out) {
  Head head;
  out = {};
  if (!read_head(bytes, kBlockMagic, head) || head.used < sizeof head || head.used > kBlockSize) return false;
  out.sequence = head.sequence;
  out.boot_id = hex_of_boot({head.boot_id, sizeof head.boot_id});
  std::string_view rest = bytes.substr(sizeof head, head.used - sizeof head);
  if (head.keys > Record::kMost || !take_keys(rest, head.keys, out.keys)) return false;
  for (size_t i = 0; i < head.rows; ++i) {
    RingRow row;
    if (!take_row(rest, out, head.base_ms, row)) return false;
    out.rows.push_back(std::move(row));
  }
  return true;
}

std::string hex_of_boot(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) hex += digits[static_cast<unsigned char>(c) >> 4], hex += digits[c & 15];
  return hex;
}

std::array<char, 16> bytes_of_boot(std::string_view id) {
  std::array<char, 16> bytes{};
  size_t nibble = 0;
  for (const char c : id) {
    if (c == '-') continue;
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0 || nibble == 32) break;
    bytes[nibble / 2] = static_cast<char>(bytes[nibble / 2] | (nibble % 2 == 0 ? value << 4 : value));
    ++nibble;
  }
  return bytes;
}

void BlockWriter::begin(const Record& record) {
  used_ = sizeof(Head);
  keys_ = 0;
  left_out_ = false;
  base_ms_ = record.time_ms();
  last_ = {};
  size_t worst = 2 * kLongestInt;  // of the first row
  for (size_t i = 0; i < record.size(); ++i) {
    const std::string_view key = record.key(i);
    worst += kLongestInt;
    left_out_ = used_ + 1 + key.size() + worst > kBlockSize;
    if (left_out_) break;
    bytes_[used_++] = static_cast<char>(key.size());
    key.copy(bytes_.data() + used_, key.size());
    used_ += key.size();
    ++keys_;
  }
}

bool BlockWriter::add(const Record& record) {
  if (rows_ == 0) begin(record);
  if (rows_ > 0) {
    const char* key = bytes_.data() + sizeof(Head);
    if (record.size() < keys_ || (record.size() > keys_ && !left_out_)) return false;
    for (size_t i = 0; i < keys_; key += 1 + static_cast<unsigned char>(*key), ++i)
      if (record.key(i) != std::string_view(key + 1, static_cast<unsigned char>(*key))) return false;
  }
  std::array<char, (Record::kMost + 2) * kLongestInt> row;
  size_t size = put_number(zigzag(record.time_ms() - base_ms_), row.data());
  size += put_number((record.is_distress() ? 1 : 0) | (record.cut() || left_out_ ? 2 : 0), row.data() + size);
  for (size_t i = 0; i < keys_; ++i) size += put_number(zigzag(minus(record.value(i), last_[i])), row.data() + size);
  if (used_ + size > kBlockSize) return false;
  for (size_t i = 0; i < keys_; ++i) last_[i] = record.value(i);
  std::memcpy(bytes_.data() + used_, row.data(), size);
  used_ += size;
  ++rows_;
  return true;
}

void BlockWriter::finish(uint64_t sequence, std::span<char, kBlockSize> out) {
  Head head{kBlockMagic, 0, sequence, {}, base_ms_, keys_, rows_, static_cast<uint32_t>(used_)};
  std::memcpy(head.boot_id, boot_id_.data(), sizeof head.boot_id);
  std::memcpy(bytes_.data(), &head, sizeof head);
  std::memset(bytes_.data() + used_, 0, kBlockSize - used_);
  head.crc = checksum(bytes_.data());
  std::memcpy(bytes_.data(), &head, sizeof head);
  std::memcpy(out.data(), bytes_.data(), kBlockSize);
  rows_ = 0;
}

}  // namespace fencewatch
