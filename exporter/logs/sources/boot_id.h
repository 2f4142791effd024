// The id of this boot, as /proc/sys/kernel/random/boot_id tells it (random(4)).
#pragma once

#include <string>

#include "exporter/base/status.h"

namespace fencewatch {

inline constexpr const char* kBootIdPath = "/proc/sys/kernel/random/boot_id";

// With its dashes. `path` must outlive the Status.
Status read_boot_id(const std::string& path, std::string& out);

}  // namespace fencewatch
