// The unit of times in /proc/PID/stat, /proc/stat and their kin: USER_HZ, proc(5).
#pragma once

#include <cstdint>

namespace fencewatch {

// On every architecture that Linux runs servers on, whatever CONFIG_HZ is; so a recorded tree needs no word about it.
inline constexpr uint64_t kTicksPerSecond = 100;

}  // namespace fencewatch
