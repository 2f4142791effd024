#include "exporter/memory/mappings.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>

#include "exporter/base/fd.h"
#include "exporter/base/line_buffer.h"
#include "exporter/base/scan.h"

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

// Range, permissions, offset, device, inode, path; the path may hold blanks.
bool parse(std::string_view line, Mapping& mapping) {
  uintptr_t begin = 0;
  if (!parse_range(scan::next_word(line), begin, mapping.size)) return false;
  mapping.begin = reinterpret_cast<void*>(begin);  // NOLINT(performance-no-int-to-ptr): the kernel tells it as text
  mapping.permissions = scan::next_word(line);
  for (int skipped = 0; skipped < 3; ++skipped) scan::next_word(line);
  const size_t path = line.find_first_not_of(' ');
  mapping.path = path == line.npos ? "" : line.substr(path);
  return !mapping.permissions.empty();
}

}  // namespace

bool each_mapping(const std::function<void(const Mapping&)>& visit) {
  const Fd maps(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  if (!maps) return false;
  LineBuffer buffer;
  Mapping mapping;
  for (LineBuffer::Cut cut;;) {
    while (buffer.next(cut)) {
      if (parse(cut.line, mapping)) visit(mapping);
    }
    const auto room = buffer.room();
    const ssize_t got = read(maps.get(), room.data(), room.size());
    if (got <= 0) return got == 0;
    buffer.added(static_cast<size_t>(got));
  }
}

void drop_mapped_pages(std::string_view part) {
  each_mapping([part](const Mapping& mapping) {
    if (mapping.permissions != "r--s" || mapping.path.find(part) == mapping.path.npos) return;
    if (munlock(mapping.begin, mapping.size) == 0) madvise(mapping.begin, mapping.size, MADV_DONTNEED);
  });
}

}  // namespace fencewatch
