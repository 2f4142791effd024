// The message of a line without what differs between the ways to the same log. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "exporter/base/line.h"

namespace fencewatch::syslog {

// Without leading blanks, the kernel's "[  12.345678]" and what a console puts before it, see cut_kernel_head(), the time and level that
// corosync writes before its "[TOTEM ]" into files and to stderr, pacemaker's "(function) <TAB>" and "[pid]: ".
std::string_view clean(Channel channel, std::string_view text);

// Cuts off what the kernel and dmesg(1) write before a message: "** 2 printk messages dropped ** ", "[  12.345678]", "[  12.345678][
// T123]",
// "[Tue Mar  5 16:02:13 2019]", "[+0.000012]". `bracket`: what stood between the first brackets; empty: there were none. False: there was
// nothing to cut off.
bool cut_kernel_head(std::string_view& text, std::string_view& bracket);

// "[123]". False: the text does not begin so.
bool cut_pid(std::string_view& rest, uint32_t& pid);

}  // namespace fencewatch::syslog
