#include "exporter/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "exporter/scan.h"

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

// The fields of /proc/PID/stat are counted from 1 in proc(5); the name in field 2 may hold anything.
void parse_stat(std::string_view text, std::optional<uint64_t> boot_time, ProcessUsage& usage) {
  const size_t name_end = text.rfind(')');
  if (name_end == text.npos) return;
  text.remove_prefix(name_end + 1);
  for (int field = 3; field <= 24; ++field) {
    const std::string_view word = scan::next_word(text);
    uint64_t value;
    if (field < 22 || !scan::number(word, value)) continue;
    if (field == 22 && boot_time)
      usage.start_time = static_cast<double>(*boot_time) + static_cast<double>(value) / static_cast<double>(sysconf(_SC_CLK_TCK));
    if (field == 23) usage.virtual_bytes = value;
    if (field == 24) usage.resident_bytes = value * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
}

}  // namespace

Process::Process() : boot_time_(read_boot_time()) {
  stat_ = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  files_ = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Process::~Process() {
  if (stat_ >= 0) close(stat_);
  if (files_ >= 0) close(files_);
}

std::optional<uint64_t> Process::count_files() {
  if (files_ < 0) return {};
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

ProcessUsage Process::read() {
  ProcessUsage usage;
  rusage resources{};
  getrusage(RUSAGE_SELF, &resources);
  usage.cpu_seconds = seconds(resources.ru_utime) + seconds(resources.ru_stime);
  usage.major_faults = static_cast<uint64_t>(resources.ru_majflt);
  char text[1024];
  const ssize_t size = stat_ < 0 ? -1 : pread(stat_, text, sizeof text, 0);
  if (size > 0) parse_stat({text, static_cast<size_t>(size)}, boot_time_, usage);
  usage.open_files = count_files();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_files = limit.rlim_cur;
  return usage;
}

}  // namespace fencewatch
