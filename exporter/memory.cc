#include "exporter/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>

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

int lock() {
  const int error = mlockall(MCL_CURRENT | MCL_FUTURE) != 0 ? errno : 0;
  locked_flag() = error == 0;
  settled_flag() = true;
  return error;
}

bool locked() { return locked_flag(); }

bool settled() { return settled_flag(); }

// Without MCL_CURRENT mlockall(2) leaves alone what is mapped already.
LockAsUsed::LockAsUsed() {
  if (locked()) mlockall(MCL_FUTURE | MCL_ONFAULT);
}

LockAsUsed::~LockAsUsed() {
  if (locked()) mlockall(MCL_FUTURE);
}

}  // namespace fencewatch::memory
