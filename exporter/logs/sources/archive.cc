#include "exporter/logs/sources/archive.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "exporter/base/scan.h"
#include "exporter/logs/sources/rotated_files.h"

namespace fencewatch {
namespace {

// The oldest first: by date, then by falling number.
bool older(const std::pair<rotation::Suffix, std::string>& a, const std::pair<rotation::Suffix, std::string>& b) {
  const auto key = [](const rotation::Suffix& age) { return std::tuple(age.date.empty(), age.date, ~age.number); };
  return key(a.first) < key(b.first);
}

std::string_view without_packing(std::string_view name) {
  for (const std::string_view packed : {".gz", ".xz"})
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  return name;
}

// When the last line of a file was written, at the latest. Copies lose the time of its last change: one that is later than the report, or
// before there were such logs, is that of a copy. "messages-20241103" tells its day.
int64_t written_by(const std::string& file, int64_t changed_us, int64_t reported_us) {
  constexpr int64_t kDay = 86'400'000'000, kFirst = 946'684'800'000'000;  // 2000
  constexpr size_t kDate = 8;
  int64_t by_us = std::numeric_limits<int64_t>::max();
  if (reported_us != 0) by_us = reported_us;
  if (changed_us >= kFirst) by_us = std::min(by_us, changed_us);
  const size_t dash = file.find('-', file.rfind('/') + 1);
  int year = 0, month = 0, day = 0;
  if (const std::string_view name = file; dash != name.npos && scan::number(name.substr(dash + 1, 4), year) && name.size() > dash + kDate &&
                                          scan::number(name.substr(dash + 5, 2), month) && scan::number(name.substr(dash + 7, 2), day)) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (date.ok()) by_us = std::min(by_us, (std::chrono::sys_days(date).time_since_epoch().count() + 1) * kDay);
  }
  return by_us == std::numeric_limits<int64_t>::max() ? changed_us : by_us;
}

}  // namespace

std::vector<std::string> with_predecessors(int root, const std::string& path) {
  const size_t slash = path.rfind('/') + 1;  // 0 without one
  const std::string base = path.substr(slash);
  const std::string directory = path.substr(0, slash);
  std::vector<std::pair<rotation::Suffix, std::string>> rotated;
  bool current = false;
  const Directory entries = directory_of(open_in_root(root, directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  if (!entries) return {};
  while (const dirent* entry = readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    current = current || name == base;
    if (auto age = rotation::suffix_of(base, without_packing(name))) rotated.emplace_back(std::move(*age), directory + std::string(name));
  }
  std::sort(rotated.begin(), rotated.end(), older);
  std::vector<std::string> files;
  files.reserve(rotated.size() + 1);
  for (auto& [age, name] : rotated) files.push_back(std::move(name));
  if (current) files.push_back(path);
  return files;
}

Archive::Archive(std::shared_ptr<const Fd> root, std::string name, std::vector<std::string> files, int64_t reported_us, Format format,
                 Channel channel)
    : root_(std::move(root)),
      name_(std::move(name)),
      files_(std::move(files)),
      format_(format),
      reported_us_(reported_us),
      last_(channel),
      times_(root_) {}

Status Archive::open(std::string_view) {
  next_file_ = 0;
  file_ = nullptr;
  buffer_.clear();
  lines_.begin();
  Status status{Code::missing, 0, name_, "no such file"};
  for (const std::string& file : files_) {
    const Fd found = open_in_root(root_->get(), file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (found) return {};
    status = fault(errno, name_);
  }
  return status;
}

// A file that cannot be read is told as one lost line: how many it held is not known.
bool Archive::open_next(Sink& sink) {
  while (next_file_ < files_.size()) {
    Fd found = open_in_root(root_->get(), files_[next_file_++], O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (!found && errno == ENOENT) continue;
    if (!found || fstat(found.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        !(file_ = unpack(std::move(found), files_[next_file_ - 1]))) {
      sink.lost(last_, "unreadable", 1);
      continue;
    }
    written_us_ = written_by(files_[next_file_ - 1], int64_t{status.st_mtim.tv_sec} * 1'000'000, reported_us_);
    begun_ = false;
    pasted_ = {};
    number_ = 0;
    return true;
  }
  return false;
}

void Archive::hand_on(const syslog::Entry& entry, Sink& sink) {
  last_ = entry.channel;
  const int64_t time_us = times_.time_us(entry.stamp, written_us_);
  const auto way = entry.from_stderr ? StderrPairs::Way::stderr_ : StderrPairs::Way::syslog;
  if (entry.channel == Channel::corosync && !pairs_.is_new(entry.channel, way, entry.text, time_us)) return;
  sink.line({entry.channel, entry.text, entry.identifier, time_us, entry.repeated, file(), number_});
}

void Archive::take(const LineBuffer::Cut& cut, Sink& sink) {
  syslog::Entry entry;
  ++number_;
  if (format_ == Format::plain)
    sink.line({last_, cut.line, {}, 0, 1, file(), number_});
  else if (const std::string_view line = pasted_.strip(cut.line);
           format_ == Format::dmesg ? syslog::parse_kernel(line, entry) : lines_.parse(line, entry))
    hand_on(entry, sink);
  if (cut.clipped) sink.lost(last_, "too_long", 1);
}

// False: the file that is open has come to its end.
bool Archive::fill(Sink& sink) {
  const std::span<char> room = buffer_.room();
  const ssize_t got = file_->read(room.data(), room.size());
  if (got > 0) buffer_.added(static_cast<size_t>(got));
  if (got > 0 && !std::exchange(begun_, true)) pasted_ = Pasted::of(buffer_.peek());
  if (got < 0) sink.lost(last_, "unreadable", 1);
  return got > 0;
}

Status Archive::read(Sink& sink, size_t max, bool& more) {
  more = true;
  for (LineBuffer::Cut cut; max > 0;) {
    if (buffer_.next(cut) || (!file_ && buffer_.flush(cut))) {
      take(cut, sink);
      --max;
    } else if (!file_) {
      if (syslog::Entry entry; lines_.finish(entry)) hand_on(entry, sink);
      if (open_next(sink)) continue;
      more = false;
      break;
    } else if (!fill(sink)) {
      file_ = nullptr;
    }
  }
  return {};
}

}  // namespace fencewatch
