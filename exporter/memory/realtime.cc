#include "exporter/memory/realtime.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "exporter/base/fd.h"

namespace fencewatch::realtime {
namespace {

constexpr size_t kMost = 64;  // threads

// Touched by a signal handler, hence plain atomics and no destructor.
struct Entered {
  std::atomic<bool> wanted = false;
  std::atomic<int> refusal = 0;
  std::atomic<bool> overran = false;
  std::atomic<size_t> count = 0;
  std::array<std::atomic<pid_t>, kMost> threads{};
};
constinit Entered entered;

// RLIMIT_RTTIME is spent: one of us spins. Async-signal-safe (signal-safety(7)): system calls and atomics alone.
void everybody_ordinary(int) {
  const int before = errno;
  entered.overran = true;
  const sched_param none{};
  for (const auto& thread : entered.threads)
    if (const pid_t id = thread; id != 0) sched_setscheduler(id, SCHED_OTHER, &none);
  errno = before;
}

bool read_line(const std::string& path, std::string& out) {
  char text[4096];
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t n = file ? read(file.get(), text, sizeof text) : -1;
  if (n > 0) out.assign(text, static_cast<size_t>(n));
  return n > 0;
}

}  // namespace

void prepare() {
  entered.wanted = true;
  struct sigaction action {};
  action.sa_handler = everybody_ordinary;
  action.sa_flags = SA_RESTART;
  sigaction(SIGXCPU, &action, nullptr);
  rlimit limit{};
  if (getrlimit(RLIMIT_RTTIME, &limit) == 0) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::chrono::microseconds(kLongestRun).count());
    setrlimit(RLIMIT_RTTIME, &limit);
  }
  syscall(SYS_set_mempolicy, MPOL_PREFERRED, nullptr, 0UL);  // without nodes: the local one
}

void enter() noexcept {
  if (!entered.wanted || entered.refusal != 0 || entered.overran) return;
  const auto id = static_cast<pid_t>(syscall(SYS_gettid));
  const sched_param lowest{.sched_priority = sched_get_priority_min(SCHED_RR)};
  if (sched_setscheduler(id, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0) {
    entered.refusal = errno;
    return;
  }
#ifdef PR_SET_IO_FLUSHER
  prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);  // since 5.6, with CAP_SYS_RESOURCE: our own allocations do not wait for I/O
#endif
  if (const size_t at = entered.count.fetch_add(1); at < kMost) entered.threads[at] = id;
}

bool active() { return entered.count > 0 && entered.refusal == 0 && !entered.overran; }

int refusal() { return entered.refusal; }

bool group_has_no_time() {
  std::string groups, budget;
  if (!read_line("/proc/self/cgroup", groups)) return false;
  for (std::string_view rest = groups; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const size_t colon = line.find(':'), second = line.find(':', colon + 1);
    if (second == line.npos) continue;
    std::string controllers(1, ',');
    controllers.append(line.substr(colon + 1, second - colon - 1)).push_back(',');
    if (controllers.find(",cpu,") == controllers.npos) continue;
    for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"})
      if (read_line(mount + std::string(line.substr(second + 1)) + "/cpu.rt_runtime_us", budget)) return budget == "0\n";
  }
  return false;
}

}  // namespace fencewatch::realtime
