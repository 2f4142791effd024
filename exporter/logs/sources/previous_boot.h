// How the boot before this one ended, as the journal tells.
#pragma once

#include <optional>
#include <string>

namespace fencewatch {

// True: journald was told to stop, or a target of shutdown was reached, among the last entries of the boot before (sd-messages(3),
// systemd.special(7)). False: its entries just end, as by a fence. Absent: there is no journal, or it holds no earlier boot, or not this
// one. `directory` as for Journal; `boot_id` of this boot. Reads a hundred entries at most.
std::optional<bool> previous_boot_clean(const std::string& directory, std::string boot_id);

}  // namespace fencewatch
