// The bytes of a log file that may be packed: plain, gzip (zlib) or xz (liblzma), told by its first bytes.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "exporter/node/resolve.h"

namespace fencewatch {

class Unpacked {
 public:
  virtual ~Unpacked() = default;
  // At most `size` bytes; 0: the end; -1: the file is damaged, cut off or unreadable.
  virtual ssize_t read(char* out, size_t size) = 0;
};

// Null: it is not what its name, which ends with .gz or .xz, says, or there is no memory for it.
std::unique_ptr<Unpacked> unpack(Fd file, std::string_view name);

}  // namespace fencewatch
