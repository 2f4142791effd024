// What an unpacked sosreport tells in other places than the live machine: sos since 4.0 leaves proc/sys out and keeps the output of
// sysctl and uname (sos/report/plugins/kernel.py).
#pragma once

#include <string_view>

namespace fencewatch {

// The value of proc/sys/<sysctl> in the output of "sysctl -a"; there slashes are dots and dots slashes. False when it is not told.
bool find_sysctl(std::string_view listing, std::string_view sysctl, std::string_view& value);

// The kernel release: the third word of "uname -a" and of /proc/version. False when there is none.
bool find_release(std::string_view uname, std::string_view& release);

}  // namespace fencewatch
