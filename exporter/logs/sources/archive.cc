#include "exporter/logs/sources/archive.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

// Of a rotated file's name what stands behind that of the log: ".1", ".2.gz", "-20241103", "-20241103-1730592001.xz".
struct Age {
  uint64_t number = 0;  // of ".N": the larger the older
  std::string date;     // the smaller the older
};

bool digits_and_dashes(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
}

std::optional<Age> age_of(std::string_view suffix) {
  if (suffix.empty() || (suffix[0] != '.' && suffix[0] != '-')) return std::nullopt;
  const bool dot = suffix[0] == '.';
  suffix.remove_prefix(1);
  for (const std::string_view packed : {".gz", ".xz"})
    if (suffix.ends_with(packed)) suffix.remove_suffix(packed.size());
  Age age;
  constexpr size_t kDate = 8;
  if (dot && suffix.size() < kDate && scan::number(suffix, age.number)) return age;
  if (suffix.size() < kDate || !digits_and_dashes(suffix)) return std::nullopt;
  age.date = suffix;
  return age;
}

// The oldest first: by date, then by falling number.
bool older(const std::pair<Age, std::string>& a, const std::pair<Age, std::string>& b) {
  const auto key = [](const Age& age) { return std::tuple(age.date.empty(), age.date, ~age.number); };
  return key(a.first) < key(b.first);
}

std::string_view behind_bracket(std::string_view line) {
  const size_t end = line.starts_with('[') ? line.find("] ") : line.npos;
  return end == line.npos ? line : scan::trim_left(line.substr(end + 2));
}

}  // namespace

std::vector<std::string> with_predecessors(int root, const std::string& path) {
  const size_t slash = path.rfind('/') + 1;  // 0 without one
  const std::string base = path.substr(slash);
  const std::string directory = path.substr(0, slash);
  std::vector<std::pair<Age, std::string>> rotated;
  bool current = false;
  const Fd opened = open_in_root(root, directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  DIR* const entries = opened ? fdopendir(dup(opened.get())) : nullptr;
  if (!entries) return {};
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(base)) continue;
    current = current || name.size() == base.size();
    if (auto age = age_of(name.substr(base.size()))) rotated.emplace_back(std::move(*age), directory + std::string(name));
  }
  closedir(entries);
  std::sort(rotated.begin(), rotated.end(), older);
  std::vector<std::string> files;
  files.reserve(rotated.size() + 1);
  for (auto& [age, name] : rotated) files.push_back(std::move(name));
  if (current) files.push_back(path);
  return files;
}

Archive::Archive(int root, std::string name, std::vector<std::string> files, Format format, Channel channel)
    : root_(root), name_(std::move(name)), files_(std::move(files)), format_(format), last_(channel) {}

Status Archive::open(std::string_view) {
  next_file_ = 0;
  file_ = nullptr;
  buffer_.clear();
  lines_.begin();
  Status status{Code::missing, 0, name_, "no such file"};
  for (const std::string& file : files_) {
    const Fd found = open_in_root(root_, file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (found) return {};
    status = fault(errno, name_);
  }
  return status;
}

// A file that cannot be read is told as one lost line: how many it held is not known.
bool Archive::open_next(Sink& sink) {
  while (next_file_ < files_.size()) {
    Fd found = open_in_root(root_, files_[next_file_++], O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (!found && errno == ENOENT) continue;
    if (!found || fstat(found.get(), &status) != 0 || !S_ISREG(status.st_mode) || !(file_ = unpack(std::move(found)))) {
      sink.lost(last_, "unreadable", 1);
      continue;
    }
    modified_us_ = int64_t{status.st_mtim.tv_sec} * 1'000'000;
    return true;
  }
  return false;
}

void Archive::take(const LineBuffer::Cut& cut, Sink& sink) {
  syslog::Entry entry;
  if (format_ == Format::dmesg) {
    sink.line({Channel::kernel, behind_bracket(cut.line), "kernel"});
  } else if (format_ == Format::plain) {
    sink.line({last_, cut.line, {}});
  } else if (lines_.parse(cut.line, entry)) {
    last_ = entry.channel;
    const int64_t time_us = entry.stamp.empty() ? 0 : stamps_.time_us(entry.stamp, modified_us_);
    const auto way = entry.from_stderr ? StderrPairs::Way::stderr_ : StderrPairs::Way::syslog;
    if (entry.channel == Channel::corosync && !pairs_.is_new(entry.channel, way, entry.text, time_us)) return;
    sink.line({entry.channel, entry.text, entry.identifier, time_us, entry.repeated});
  }
  if (cut.clipped) sink.lost(last_, "too_long", 1);
}

// False: the file that is open has come to its end.
bool Archive::fill(Sink& sink) {
  const std::span<char> room = buffer_.room();
  const ssize_t got = file_->read(room.data(), room.size());
  if (got > 0) buffer_.added(static_cast<size_t>(got));
  if (got < 0) sink.lost(last_, "unreadable", 1);
  return got > 0;
}

Status Archive::read(Sink& sink, size_t max, bool& more) {
  more = true;
  for (LineBuffer::Cut cut; max > 0;) {
    if (buffer_.next(cut) || (!file_ && buffer_.flush(cut))) {
      take(cut, sink);
      --max;
    } else if (!file_ && !open_next(sink)) {
      more = false;
      break;
    } else if (!fill(sink)) {
      file_ = nullptr;
    }
  }
  return {};
}

}  // namespace fencewatch
