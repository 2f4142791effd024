#include "exporter/node/host_clock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string_view>
#include <utility>

#include "exporter/base/scan.h"
#include "exporter/node/resolve.h"

namespace fencewatch {
namespace {

constexpr const char* kLocalTime = "etc/localtime";
constexpr const char* kTimedatectls[] = {"sos_commands/systemd/timedatectl", "sos_commands/date/timedatectl"};
constexpr const char* kDates[] = {"sos_commands/date/date", "sos_commands/general/date", "date"};
constexpr const char* kUtcDates[] = {"sos_commands/date/date_--utc"};
constexpr size_t kMost = 64 << 10;  // the largest of tzdata has 4 KiB
constexpr int64_t kSecond = 1'000'000;

// Regular files only, the first bytes; empty: there is none.
std::string read_some(const Fd& fd) {
  struct stat is {};
  if (!fd || fstat(fd.get(), &is) != 0 || !S_ISREG(is.st_mode)) return {};
  std::string text(kMost, '\0');
  const ssize_t got = pread(fd.get(), text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

std::string read_first(int root, std::span<const char* const> paths) {
  for (const char* path : paths)
    if (std::string text = read_some(open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY)); !text.empty()) return text;
  return {};
}

// "Time zone: Asia/Shanghai (CST, +0800)".
bool zone_of_timedatectl(std::string_view text, TimeZone& out) {
  std::string_view line;
  while (scan::next_line(text, line)) {
    const size_t comma = line.find(", ");
    if (line.find("ime zone: ") == line.npos || comma == line.npos || line.size() < comma + 8) continue;
    const size_t name = line.rfind('(', comma);
    int hours = 0, minutes = 0;
    if (name == line.npos || !scan::number(line.substr(comma + 3, 2), hours) || !scan::number(line.substr(comma + 5, 2), minutes)) continue;
    const int32_t east = hours * 3600 + minutes * 60;
    out = TimeZone::fixed(line[comma + 2] == '-' ? -east : east, std::string(line.substr(name + 1, comma - name - 1)));
    return true;
  }
  return false;
}

// The two were printed within a minute.
bool zone_of_dates(std::string_view local, std::string_view utc, TimeZone& out) {
  constexpr int64_t kQuarter = 900, kFarthest = 54'000;
  const int64_t here = read_date(local), there = read_date(utc);
  if (here == 0 || there == 0 || std::abs(here - there) > kFarthest) return false;
  const int64_t apart = here - there + kFarthest + kQuarter / 2;
  out = TimeZone::fixed(static_cast<int32_t>(apart / kQuarter * kQuarter - kFarthest), {});
  return true;
}

// ---- date(1) --------------------------------------------------------------------------------------------------------------------

struct Date {
  int year = 0, month = 0, day = 0, hour = -1, minute = 0, second = 0;
  bool afternoon = false, forenoon = false;

  void word(std::string_view text) {
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int value = 0;
    if (text.size() >= 8 && text[2] == ':' && text[5] == ':') {
      if (!scan::number(text.substr(0, 2), hour) || !scan::number(text.substr(3, 2), minute) || !scan::number(text.substr(6, 2), second))
        hour = -1;
    } else if (text == "PM") {
      afternoon = true;
    } else if (text == "AM") {
      forenoon = true;
    } else if (scan::number(text, value)) {
      (value > 1900 ? year : day) = value;
    } else if (const size_t at = text.size() < 3 ? kMonths.npos : kMonths.find(text.substr(0, 3)); at != kMonths.npos && at % 3 == 0) {
      month = static_cast<int>(at / 3) + 1;
    }
  }

  // "2026年", "05月", "15日".
  bool chinese(std::string_view text) {
    constexpr std::string_view kYear = "年", kMonth = "月", kDay = "日";
    for (const auto& [unit, part] : {std::pair(kYear, &year), std::pair(kMonth, &month), std::pair(kDay, &day)})
      if (text.ends_with(unit) && scan::number(text.substr(0, text.size() - unit.size()), *part)) return true;
    return false;
  }

  int64_t seconds() const {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (year == 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return 0;
    const int64_t of_day = afternoon ? hour % 12 + 12 : forenoon ? hour % 12 : hour;
    return std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86'400} + (of_day * 60 + minute) * 60 + second;
  }
};

// The boot's time in stat and the seconds since in uptime, proc(5). Without the latter half a year after the boot: of the times that have
// no year those are taken that are nearest to it.
int64_t up_until(const std::string& procfs) {
  const auto open_file = [&](const char* name) { return Fd(open((procfs + name).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); };
  const std::string stat = read_some(open_file("/stat")), uptime = read_some(open_file("/uptime"));
  const size_t btime = stat.find("\nbtime ");
  int64_t booted = 0;
  double up = 183 * 86'400;
  if (btime == stat.npos) return 0;
  std::string_view rest = std::string_view(stat).substr(btime + 7);
  std::string_view line, seconds = uptime;
  if (!scan::next_line(rest, line) || !scan::number(line, booted)) return 0;
  (void)scan::number(scan::next_word(seconds), up);
  return booted + static_cast<int64_t>(up);
}

}  // namespace

int64_t read_date(std::string_view text) {
  Date date;
  std::string_view line;
  if (!scan::next_line(text, line)) return 0;
  while (line.ends_with('\r')) line.remove_suffix(1);
  for (std::string_view word; !(word = scan::next_word(line)).empty();)
    if (!date.chinese(word)) date.word(word);
  return date.seconds();
}

HostZone::HostZone(std::shared_ptr<const Fd> root) : root_(std::move(root)) {
  if (!root_) root_ = std::make_shared<Fd>(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

void HostZone::look() {
  const Fd file = open_in_root(root_->get(), kLocalTime, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat is {};
  if (file && fstat(file.get(), &is) == 0) {
    if (read_ && is.st_ino == inode_ && is.st_mtim.tv_sec == changed_.tv_sec && is.st_mtim.tv_nsec == changed_.tv_nsec) return;
    inode_ = is.st_ino;
    changed_ = is.st_mtim;
    read_ = true;
    if (TimeZone::parse(read_some(file), zone_)) return;
  }
  zone_ = {};
  read_ = false;
  if (zone_of_timedatectl(read_first(root_->get(), kTimedatectls), zone_)) return;
  zone_of_dates(read_first(root_->get(), kDates), read_first(root_->get(), kUtcDates), zone_);
}

const TimeZone& HostZone::get() {
  constexpr std::chrono::minutes kEvery{1};
  if (const auto now = std::chrono::steady_clock::now(); looked_ == std::chrono::steady_clock::time_point{} || now - looked_ > kEvery) {
    looked_ = now;
    look();
  }
  return zone_;
}

int64_t report_time_us(int root, const std::string& procfs) {
  // Its zone is that of the machine; a day more or less is of no matter where only the year is asked for.
  if (const int64_t date = read_date(read_first(root, kDates)); date != 0) return date * kSecond;
  if (const int64_t date = read_date(read_first(root, kUtcDates)); date != 0) return date * kSecond;
  return up_until(procfs) * kSecond;
}

}  // namespace fencewatch
