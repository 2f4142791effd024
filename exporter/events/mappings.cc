#include "exporter/events/mappings.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>

#include "exporter/events/line_buffer.h"
#include "exporter/resolve.h"
#include "exporter/scan.h"

namespace fencewatch {
namespace {

// "7f2c1000-7f2c2000" as a place and a size.
bool parse_range(std::string_view text, uintptr_t& begin, size_t& size) {
  uintptr_t end = 0;
  const char* const stop = text.data() + text.size();
  const auto first = std::from_chars(text.data(), stop, begin, 16);
  if (first.ec != std::errc{} || first.ptr == stop || *first.ptr != '-') return false;
  const auto second = std::from_chars(first.ptr + 1, stop, end, 16);
  size = end - begin;
  return second.ec == std::errc{} && second.ptr == stop && end > begin;
}

// A line of proc_pid_maps(5): range, permissions, offset, device, inode, path.
void drop(std::string_view line, std::string_view part) {
  uintptr_t begin = 0;
  size_t size = 0;
  if (line.find(part) == line.npos || !parse_range(scan::next_word(line), begin, size) || scan::next_word(line) != "r--s") return;
  void* const place = reinterpret_cast<void*>(begin);  // NOLINT(performance-no-int-to-ptr): the kernel tells it as text
  if (munlock(place, size) == 0) madvise(place, size, MADV_DONTNEED);
}

}  // namespace

void drop_mapped_pages(std::string_view part) {
  const Fd maps(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));  // ours, wherever --path.procfs points
  if (!maps) return;
  LineBuffer buffer;
  for (LineBuffer::Cut cut;;) {
    while (buffer.next(cut)) drop(cut.line, part);
    const auto room = buffer.room();
    const ssize_t got = read(maps.get(), room.data(), room.size());
    if (got <= 0) return;
    buffer.added(static_cast<size_t>(got));
  }
}

}  // namespace fencewatch
