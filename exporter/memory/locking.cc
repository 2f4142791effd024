#include "exporter/memory/locking.h"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <functional>

#include "exporter/memory/mappings.h"

namespace fencewatch::memory {
namespace {

// A locked stack is resident in full: 8 MiB is the default. ThreadSanitizer wants more than we have to spare.
#ifdef __SANITIZE_THREAD__
constexpr size_t kStack = 8 << 20;
#else
constexpr size_t kStack = 256 << 10;
#endif

std::atomic<bool>& locked_flag() {
  static constinit std::atomic<bool> flag = false;
  return flag;
}

std::atomic<bool>& settled_flag() {
  static constinit std::atomic<bool> flag = true;
  return flag;
}

void lower_oom_score() {
  constexpr char score[] = "-900";
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);  // ours, wherever --path.procfs points
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t refused_without_cap_sys_resource = write(fd, score, sizeof score - 1);
  close(fd);
}

struct Names {
  std::span<const std::string_view> parts;
  bool in(std::string_view path) const {
    return std::ranges::any_of(parts, [path](std::string_view part) { return path.find(part) != path.npos; });
  }
};

// What the start has touched of them comes back from their files when it is used again. Only segments that nothing is written to: of
// the others the loader's relocations would be lost.
void drop(Names names) {
  dl_iterate_phdr(
      [](dl_phdr_info* library, size_t, void* wanted) {
        if (!static_cast<const Names*>(wanted)->in(library->dlpi_name)) return 0;
        const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
        for (const auto& segment : std::span(library->dlpi_phdr, library->dlpi_phnum)) {
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
          const uintptr_t begin = (library->dlpi_addr + segment.p_vaddr) / page * page;
          const uintptr_t end = library->dlpi_addr + segment.p_vaddr + segment.p_memsz;
          madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // NOLINT(performance-no-int-to-ptr)
        }
        return 0;
      },
      &names);
}

// MCL_ONFAULT (Linux 4.4) makes nothing resident: mlock(2) then does, range by range. It refuses guard pages and what belongs to the
// kernel.
bool lock_most(std::span<const std::string_view> hardly_used) {
  if (hardly_used.empty()) return false;
  const Names names{hardly_used};
  drop(names);
  if (mlockall(MCL_CURRENT | MCL_ONFAULT) != 0) return false;
  return each_mapping([names](const Mapping& mapping) {
    if (!names.in(mapping.path)) mlock(mapping.begin, mapping.size);
  });
}

int lock_all(std::span<const std::string_view> hardly_used) {
  return mlockall(lock_most(hardly_used) ? MCL_FUTURE : MCL_CURRENT | MCL_FUTURE) != 0 ? errno : 0;
}

}  // namespace

void prepare() {
  settled_flag() = false;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) == 0) {
    if (pthread_attr_setstacksize(&attributes, kStack) == 0) pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
  }
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_MMAP_MAX, 0);
  lower_oom_score();
}

int lock(std::span<const std::string_view> hardly_used) {
  const int error = lock_all(hardly_used);
  locked_flag() = error == 0;
  settled_flag() = true;
  settled_flag().notify_all();
  return error;
}

// malloc_trim(3) cannot give back locked pages.
void give_back() {
  const auto each_heap = [](const std::function<void(const Mapping&)>& visit) {
    each_mapping([&visit](const Mapping& mapping) {
      if (mapping.path == "[heap]") visit(mapping);
    });
  };
  if (locked()) each_heap([](const Mapping& heap) { munlock(heap.begin, heap.size); });
  malloc_trim(0);
  if (locked()) each_heap([](const Mapping& heap) { mlock2(heap.begin, heap.size, MLOCK_ONFAULT); });
}

bool locked() { return locked_flag(); }

bool settled() { return settled_flag(); }

void wait_until_settled() { settled_flag().wait(false); }

// Without MCL_CURRENT mlockall(2) leaves alone what is mapped already.
LockAsUsed::LockAsUsed() {
  if (locked()) mlockall(MCL_FUTURE | MCL_ONFAULT);
}

LockAsUsed::~LockAsUsed() {
  if (locked()) mlockall(MCL_FUTURE);
}

}  // namespace fencewatch::memory
