// Whether the boot before this one ended with a shutdown, from wtmp (utmp(5), as glibc writes it on x86_64 and aarch64: records of 384
// bytes). A boot writes BOOT_TIME, an orderly end writes RUN_LVL by the user "shutdown"; a fence writes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "exporter/base/status.h"

namespace fencewatch {

struct Wtmp {
  // Of the boot before the last one recorded; absent: wtmp begins with the last boot.
  std::optional<bool> previous_clean;
  uint64_t boots = 0;      // recorded
  uint64_t last_boot = 0;  // when, in seconds since 1970
};

// Records of other kinds are skipped. A last record that is not whole is left out: it is being written, or the machine died while it was.
// Malformed (`line` is the number of the record): not such a file, for a record has a type that there is not.
Status parse_wtmp(std::string_view bytes, Wtmp& out);

}  // namespace fencewatch
