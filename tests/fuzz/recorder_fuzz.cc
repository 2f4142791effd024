// The recorder's ring: any bytes are read or refused, also those whose checksums are right; what is printed is as many lines as records.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "exporter/recorder/last_boot.h"
#include "exporter/recorder/read_ring.h"

using namespace fencewatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  Ring ring;
  if (!read_ring(bytes, ring) && !ring.blocks.empty()) std::abort();
  // The same bytes as the inside of blocks that are whole.
  std::array<char, kBlockSize> header;
  encode({4}, header);
  std::string sealed(header.data(), header.size());
  for (size_t begin = 0; begin < bytes.size() && sealed.size() < 5 * kBlockSize; begin += kBlockSize) {
    std::string block = bytes.substr(begin, kBlockSize);
    block.resize(kBlockSize);
    std::memcpy(block.data(), "FWRB", 4);
    const auto sum = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(block.data() + 8), kBlockSize - 8));
    std::memcpy(block.data() + 4, &sum, sizeof sum);
    sealed += block;
  }
  if (!read_ring(sealed, ring)) std::abort();
  size_t rows = 0;
  LastBoot last;
  for (const RingBlock& block : ring.blocks) {
    rows += block.rows.size();
    last.add(block);
  }
  last.each([](std::string_view quantity, std::string_view stat, int64_t) {
    if (quantity.empty() || stat.empty()) std::abort();
  });
  const auto lines = [](const std::string& text) { return static_cast<size_t>(std::ranges::count(text, '\n')); };
  if (lines(ring_to_json_lines(ring)) != rows || lines(ring_to_csv(ring)) != rows + 1) std::abort();
  return 0;
}
