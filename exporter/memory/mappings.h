// What is mapped into our memory: /proc/self/maps, proc_pid_maps(5). Of this process, wherever --path.procfs points.
#pragma once

#include <functional>
#include <string_view>

namespace fencewatch {

struct Mapping {
  void* begin;
  size_t size;
  std::string_view permissions;  // "r-xp"
  std::string_view path;         // of the file, or "[heap]"; empty for anonymous memory; good during the call
};

// False when the list cannot be read to its end.
bool each_mapping(const std::function<void(const Mapping&)>& visit);

// Unlocks and drops the pages of every file mapped read-only and shared whose path contains `part`. They come back from the file when they
// are touched. mlockall(2) would keep them resident: of a journal that would be 8 MiB for each window that libsystemd opens, 64 of them
// at most. Where the list cannot be read, nothing is dropped.
void drop_mapped_pages(std::string_view part);

}  // namespace fencewatch
