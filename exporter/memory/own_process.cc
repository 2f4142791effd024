#include "exporter/memory/own_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "exporter/base/clock_ticks.h"
#include "exporter/base/scan.h"
#include "exporter/memory/locking.h"

namespace fencewatch {
namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

std::optional<uint64_t> read_boot_time() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    std::string_view rest = line;
    uint64_t value;
    if (scan::next_word(rest) == "btime" && scan::number(scan::next_word(rest), value)) return value;
  }
  return {};
}

// Field 22 of /proc/self/stat, counted from 1; the name in field 2 may hold anything.
std::optional<double> read_start_time() {
  const std::optional<uint64_t> boot_time = read_boot_time();
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  const size_t name_end = line.rfind(')');
  if (!boot_time || name_end == line.npos) return {};
  std::string_view rest = std::string_view(line).substr(name_end + 1);
  for (int field = 3; field < 22; ++field) scan::next_word(rest);
  uint64_t ticks;
  if (!scan::number(scan::next_word(rest), ticks)) return {};
  return static_cast<double>(*boot_time) + static_cast<double>(ticks) / double{kTicksPerSecond};
}

void parse_statm(std::string_view text, ProcessUsage& usage) {
  const auto page_size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t pages;
  if (scan::number(scan::next_word(text), pages)) usage.virtual_bytes = pages * page_size;
  if (scan::number(scan::next_word(text), pages)) usage.resident_bytes = pages * page_size;
}

}  // namespace

Process::Process() : start_time_(read_start_time()) {
  statm_ = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  files_ = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  tasks_ = open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

Process::~Process() {
  if (statm_ >= 0) close(statm_);
  if (files_ >= 0) close(files_);
  if (tasks_ >= 0) close(tasks_);
}

std::optional<uint64_t> Process::count_files() {
  if (files_ < 0) return {};
  struct stat told {};
  if (fstat(files_, &told) == 0 && told.st_size > 0) return static_cast<uint64_t>(told.st_size);  // since 6.2, without a walk
  const std::lock_guard lock(files_mutex_);
  if (lseek(files_, 0, SEEK_SET) < 0) return {};
  alignas(dirent64) char buffer[4096];
  uint64_t count = 0;
  for (;;) {
    const ssize_t size = getdents64(files_, buffer, sizeof buffer);
    if (size < 0) return {};
    if (size == 0) return count;
    for (ssize_t at = 0; at < size;) {
      unsigned short length;
      std::memcpy(&length, buffer + at + offsetof(dirent64, d_reclen), sizeof length);
      if (buffer[static_cast<size_t>(at) + offsetof(dirent64, d_name)] != '.') ++count;
      at += length;
    }
  }
}

// The directory has a link for each thread beside its own two (fs/proc/base.c, proc_task_getattr).
void Process::count_threads(ProcessUsage& usage) {
  struct stat told {};
  if (tasks_ < 0 || fstat(tasks_, &told) != 0 || told.st_nlink < 3) return;
  usage.threads = told.st_nlink - 2;
  if (!memory::settled()) return;
  uint64_t settled = 0;
  if (settled_threads_.compare_exchange_strong(settled, usage.threads)) settled = usage.threads;
  uint64_t most = late_threads_;
  while (usage.threads > settled + most && !late_threads_.compare_exchange_weak(most, usage.threads - settled)) {
  }
  usage.late_threads = late_threads_;
}

ProcessUsage Process::read() {
  ProcessUsage usage;
  rusage resources{};
  getrusage(RUSAGE_SELF, &resources);
  usage.cpu_seconds = seconds(resources.ru_utime) + seconds(resources.ru_stime);
  usage.major_faults = static_cast<uint64_t>(resources.ru_majflt);
  usage.start_time = start_time_;
  char text[256];
  const ssize_t size = statm_ < 0 ? -1 : pread(statm_, text, sizeof text, 0);
  if (size > 0) parse_statm({text, static_cast<size_t>(size)}, usage);
  usage.open_files = count_files();
  count_threads(usage);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_files = limit.rlim_cur;
  return usage;
}

}  // namespace fencewatch
