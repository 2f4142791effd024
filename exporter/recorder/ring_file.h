// The ring on its disk.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "exporter/base/fd.h"
#include "exporter/base/status.h"
#include "exporter/recorder/ring_block.h"

namespace fencewatch {

// Used by one thread, which may hang in any of these. After open() nothing is allocated.
class RingFile {
 public:
  static constexpr const char* kName = "recorder.ring";
  static constexpr const char* kAside = "recorder.ring.old";  // one of another size or version, or of which the header is damaged

  // Goes on with the ring in `directory`, or begins one of `blocks` blocks there. Code::refused: another process records there.
  Status open(const std::string& directory, uint64_t blocks);
  bool is_open() const { return bool(fd_); }

  // Is on the disk when this returns well (O_DSYNC). Of a failed one the sequence is used up, so that nothing is ever written twice.
  Status append(BlockWriter& block);

  bool past_the_page_cache() const { return direct_; }  // O_DIRECT; tmpfs(5) and some others have none
  uint64_t bytes() const { return (1 + blocks_) * kBlockSize; }

  // What is there of boots other than `boot_id`, from the last block of the latest of them back to the first; until `visit` says false.
  void each_of_boot_before(const std::array<char, 16>& boot_id, const std::function<bool(const RingBlock&)>& visit);

 private:
  struct alignas(kBlockSize) Buffer {
    std::array<char, kBlockSize> bytes;
  };
  Status begin(int directory);
  Status find_end();
  bool read(uint64_t block);  // into buffer_

  Fd fd_;
  bool direct_ = false;
  uint64_t blocks_ = 0, next_ = 0;  // next_: sequence
  std::unique_ptr<Buffer> buffer_ = std::make_unique<Buffer>();
};

}  // namespace fencewatch
