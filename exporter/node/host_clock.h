// What the watched machine tells of its clock: its time zone, by which its logs are written, and when a report was made.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/fd.h"
#include "exporter/base/time_zone.h"

namespace fencewatch {

// Its time zone. Used by one thread.
class HostZone {
 public:
  // Below `root`, in this order: etc/localtime (localtime(5)); in a report that has none what timedatectl, or date with and without --utc,
  // printed; else UTC. Null: the root of this process.
  explicit HostZone(std::shared_ptr<const Fd> root);

  // etc/localtime is looked at again, once in a minute at most: it may be set anew while we run.
  const TimeZone& get();

 private:
  void look();

  std::shared_ptr<const Fd> root_;
  std::chrono::steady_clock::time_point looked_{};
  bool read_ = false;
  struct timespec changed_ {};
  ino_t inode_ = 0;
  TimeZone zone_;
};

// When the report below `root` was made, in microseconds since 1970: its own date; else from the machine's start and uptime in `procfs`.
// 0: nothing tells.
int64_t report_time_us(int root, const std::string& procfs);

// What date(1) prints, in the order of its words whatever it is, also "2026年 05月 15日 星期五 17:43:16 CST": as if it were UTC, in seconds
// since 1970. 0: it is no date.
int64_t read_date(std::string_view text);

}  // namespace fencewatch
