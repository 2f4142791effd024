#include "exporter/recorder/ring_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fencewatch {
namespace {

constexpr int kFlags = O_RDWR | O_DSYNC | O_CLOEXEC | O_NOFOLLOW;

off_t place_of(uint64_t block) { return static_cast<off_t>(block * kBlockSize); }

}  // namespace

Status RingFile::open(const std::string& directory, uint64_t blocks) {
  blocks_ = blocks;
  mkdir(directory.c_str(), 0750);  // where it is missing
  const Fd at(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at) return fault(errno, kName);
  for (int attempt = 0; attempt < 2; ++attempt) {
    fd_ = Fd(openat(at.get(), kName, kFlags | O_CREAT | O_DIRECT, 0640));
    direct_ = bool(fd_);
    if (!fd_ && errno == EINVAL) fd_ = Fd(openat(at.get(), kName, kFlags | O_CREAT, 0640));
    if (!fd_) return fault(errno, kName);
    if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      fd_ = Fd();
      return {Code::refused, 0, kName, "another process records there"};
    }
    struct stat is {};
    if (fstat(fd_.get(), &is) != 0) return fault(errno, kName);
    RingHeader header;
    if (is.st_size == 0) return begin(at.get());
    if (static_cast<uint64_t>(is.st_size) == bytes() && read(0) && decode({buffer_->bytes.data(), kBlockSize}, header) &&
        header.blocks == blocks_)
      return find_end();
    if (renameat(at.get(), kName, at.get(), kAside) != 0) return fault(errno, kName);
  }
  return {Code::io, 0, kName, "it cannot be kept aside"};
}

// The header last: what has none is begun anew.
Status RingFile::begin(int directory) {
  next_ = 0;
  Status status;
  if (const int error = posix_fallocate(fd_.get(), 0, static_cast<off_t>(bytes())); error != 0) status = fault(error, kName);
  if (status) {
    encode({blocks_}, buffer_->bytes);
    if (pwrite(fd_.get(), buffer_->bytes.data(), kBlockSize, 0) != static_cast<ssize_t>(kBlockSize)) status = fault(errno, kName);
  }
  if (status && fsync(fd_.get()) != 0) status = fault(errno, kName);
  if (!status) {
    unlinkat(directory, kName, 0);  // a disk that is full is not filled by half a ring
    fd_ = Fd();
  }
  return status;
}

Status RingFile::find_end() {
  next_ = 0;
  for (uint64_t block = 0; block < blocks_; ++block) {
    uint64_t sequence = 0;
    std::string_view boot;
    if (!read(1 + block)) return fault(errno, kName);
    if (is_block({buffer_->bytes.data(), kBlockSize}, sequence, boot) && sequence % blocks_ == block && sequence < UINT64_MAX)
      next_ = std::max(next_, sequence + 1);
  }
  return {};
}

bool RingFile::read(uint64_t block) {
  return pread(fd_.get(), buffer_->bytes.data(), kBlockSize, place_of(block)) == static_cast<ssize_t>(kBlockSize);
}

Status RingFile::append(BlockWriter& block) {
  const uint64_t sequence = next_++;
  block.finish(sequence, buffer_->bytes);
  const ssize_t written = pwrite(fd_.get(), buffer_->bytes.data(), kBlockSize, place_of(1 + sequence % blocks_));
  if (written == static_cast<ssize_t>(kBlockSize)) return {};
  return fault(written < 0 ? errno : EIO, kName);
}

void RingFile::each_of_boot_before(const std::array<char, 16>& boot_id, const std::function<bool(const RingBlock&)>& visit) {
  const std::string this_boot = hex_of_boot({boot_id.data(), boot_id.size()});
  std::string wanted;
  RingBlock block;
  for (uint64_t back = 1; back <= std::min(blocks_, next_); ++back) {
    const uint64_t sequence = next_ - back;
    if (!read(1 + sequence % blocks_) || !decode({buffer_->bytes.data(), kBlockSize}, block) || block.sequence != sequence) continue;
    if (block.boot_id == this_boot || block.rows.empty()) continue;
    if (wanted.empty()) wanted = block.boot_id;
    if (block.boot_id != wanted || !visit(block)) return;
  }
}

}  // namespace fencewatch
