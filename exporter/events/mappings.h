// Files that a library maps into our memory. mlockall(2) keeps what is mapped later resident as well: of a journal that would be 8 MiB for
// each window that libsystemd opens, 64 of them at most.
#pragma once

#include <string_view>

namespace fencewatch {

// Unlocks and drops the pages of every file mapped read-only and shared whose path contains `part`. They come back from the file when they
// are touched. Costs a read of /proc/self/maps; where it cannot be read, nothing is dropped.
void drop_mapped_pages(std::string_view part);

}  // namespace fencewatch
