#include "exporter/logs/sources/tail.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

using rotation::File;
using rotation::Mark;

constexpr uint64_t kAtOnce = 1 << 20;  // bytes that one read() looks through
constexpr size_t kLineStart = 48;      // bytes that tell whether a line begins

// Behind the last newline: what stands there is perhaps being written.
uint64_t last_line(const File& file) {
  std::array<char, LineBuffer::kMaxLine> tail;
  const uint64_t from = file.size - std::min<uint64_t>(file.size, tail.size());
  const ssize_t got = pread(file.fd.get(), tail.data(), tail.size(), static_cast<off_t>(from));
  const std::string_view text(tail.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
  const size_t newline = text.rfind('\n');
  if (newline != text.npos) return from + newline + 1;
  return from == 0 ? 0 : file.size;
}

}  // namespace

Tail::Tail(std::string path, TailOptions options)
    : name_{options.root, std::move(path)}, options_(std::move(options)), times_(options_.root) {}

Status Tail::open(std::string_view position) {
  files_.clear();
  buffer_.clear();
  head_.clear();
  carried_ = 0;
  drained_ = unsure_ = truncates_ = false;
  pairs_ = {};
  lines_.begin();
  File live;
  if (const Status status = rotation::open_file(name_, live); !status) return status;
  named_ = std::chrono::steady_clock::now();
  if (int64_t since_us = 0; position.starts_with('@') && scan::number(position.substr(1), since_us)) {
    mark_ = {.changed_ns = since_us * 1000 - 1};  // of no file: what was changed later follows it
    resume(std::move(live), false);
    rotations_ = 0;
  } else if (!Mark::parse(position, mark_)) {
    const uint64_t start = options_.from_start ? 0 : last_line(live);
    files_.push_back(std::move(live));
    remember_live(rotation::read_head(files_.back(), rotation::kHead));
    mark_front();
    at_ = mark_.offset = start;
  } else if (live.inode == mark_.inode && mark_.fits(live)) {
    files_.push_back(std::move(live));
    remember_live(rotation::read_head(files_.back(), rotation::kHead));
    at_ = mark_.offset;
  } else {
    const bool truncated = live.inode == mark_.inode;
    resume(std::move(live), truncated);
  }
  remember_head();
  tell_pairs();
  return {};
}

void Tail::mark_front() {
  mark_ = files_.size() == 1 ? live_mark_ : Mark{.inode = files_.front().inode, .changed_ns = files_.front().changed_ns};
}

void Tail::remember_head() {
  const auto wanted = std::min<uint64_t>(rotation::kHead, files_.front().size);
  if (std::string head; head_.size() < wanted && (head = rotation::read_head(files_.front(), wanted)).starts_with(head_))
    head_ = std::move(head);
  if (carried_ > 0) return;  // the mark is in an earlier file, whose head it knows
  mark_.head = head_.size();
  mark_.fingerprint = rotation::fingerprint(head_);
  mark_.changed_ns = files_.front().changed_ns;
}

// The mark is not in the file that bears the name: its rest, if it is still somewhere, and what came after it.
void Tail::resume(File live, bool truncated) {
  const bool was_empty = truncated && head_.empty();
  truncates_ = truncated && !files_.empty() && files_.back().same(live);
  rotation::Trail trail = rotation::follow(name_, mark_, live);
  (truncated ? truncations_ : rotations_) += trail.files.size() + (trail.found || was_empty ? 0 : 1);
  files_.clear();
  for (File& file : trail.files) files_.push_back(std::move(file));
  files_.push_back(std::move(live));
  remember_live(std::move(trail.head));
  drained_ = false;
  head_ = files_.size() == 1 ? live_head_ : std::string();
  if (trail.found) {
    buffer_.clear();
    carried_ = 0;
    at_ = mark_.offset;
    mark_.inode = files_.front().inode;
  } else {
    carried_ = buffer_.waiting();
    at_ = 0;
    if (carried_ == 0) mark_front();
  }
}

void Tail::remember_live(std::string head) {
  live_head_ = std::move(head);
  live_mark_ = Mark::of(files_.back(), live_head_);
}

// Where files are truncated, one that was empty when it was looked at may have been filled and emptied since.
bool Tail::was_truncated() {
  const File& file = files_.front();
  return file.size < at_ || rotation::read_head(file, head_.size()) != head_ || (truncates_ && head_.empty() && file.size > 0);
}

// Whether what was read just now is of the file that was looked at: it may have been truncated and filled again in between.
bool Tail::belongs(std::string_view piece) {
  if (files_.size() > 1) return true;
  if (at_ == 0 && head_.size() < rotation::kHead && piece.starts_with(head_)) head_ = piece.substr(0, rotation::kHead);
  unsure_ = rotation::read_head(files_.front(), head_.size()) != head_;
  return !unsure_;
}

// A copy that was made before the last byte was read holds less than was read; one that is made later is younger than the mark.
void Tail::date_mark() {
  struct stat is {};
  if (carried_ > 0 || fstat(files_.front().fd.get(), &is) != 0 || rotation::read_head(files_.front(), head_.size()) != head_) return;
  mark_.changed_ns = int64_t{is.st_mtim.tv_sec} * 1'000'000'000 + is.st_mtim.tv_nsec;
}

Status Tail::look() {
  File& front = files_.front();
  const uint64_t size = front.size;
  const int64_t changed_ns = front.changed_ns;
  if (const Status status = rotation::look_again(front, name_); !status) return status;
  if (files_.size() > 1) {
    look_at_live();
  } else if ((unsure_ || front.size != size || front.changed_ns != changed_ns) && was_truncated()) {
    File live;  // it may have been renamed since it was truncated
    if (!rotation::open_file(name_, live)) live = std::move(front);
    resume(std::move(live), true);
  }
  unsure_ = false;
  return look_at_name();
}

// The last file, while others are read before it: what it held may have gone to a copy.
void Tail::look_at_live() {
  File& live = files_.back();
  if (!rotation::look_again(live, name_)) return;
  std::string head = rotation::read_head(live, rotation::kHead);
  const bool was_empty = live_head_.empty();
  const bool truncated = !head.starts_with(live_head_) || (truncates_ && was_empty && !head.empty());
  if (truncated) {
    rotation::Trail trail = rotation::follow(name_, live_mark_, live);
    truncations_ += trail.files.size() + (trail.found || was_empty ? 0 : 1);
    for (File& file : trail.files) files_.insert(files_.end() - 1, std::move(file));
    head = std::move(trail.head);
    truncates_ = true;
  }
  if (truncated || head.size() > live_head_.size()) remember_live(std::move(head));
}

// The fault of the name, when it is one: what is still open is read first.
Status Tail::look_at_name() {
  struct stat is {};
  if (!name_.status(is)) {
    const bool gone = errno == ENOENT || errno == ENOTDIR;
    if (gone && std::chrono::steady_clock::now() - named_ < options_.patience) return {};
    return fault(errno, name_.path);
  }
  if (is.st_ino != files_.back().inode || is.st_dev != files_.back().device) {
    File live;
    if (const Status status = rotation::open_file(name_, live); !status) return status.code == Code::missing ? Status{} : status;
    if (!live.same(files_.back())) extend(std::move(live));
  }
  named_ = std::chrono::steady_clock::now();
  return {};
}

// Another file bears the name; perhaps others did in between.
void Tail::extend(File live) {
  File& last = files_.back();
  (void)rotation::look_again(last, name_);
  rotation::Trail trail = rotation::follow(name_, {.inode = last.inode, .changed_ns = last.changed_ns}, live);
  // The last one itself, and the one before it, which its writer may have changed later than the last.
  std::erase_if(trail.files,
                [&](const File& file) { return std::ranges::any_of(files_, [&](const File& open) { return open.same(file); }); });
  rotations_ += trail.files.size() + 1;
  for (File& file : trail.files) files_.push_back(std::move(file));
  files_.push_back(std::move(live));
  remember_live(std::move(trail.head));
  truncates_ = false;
}

bool Tail::successor_has_data() {
  return std::any_of(files_.begin() + 1, files_.end(), [&](File& file) { return rotation::look_again(file, name_) && file.size > 0; });
}

void Tail::advance() {
  remember_head();
  files_.pop_front();
  drained_ = false;
  unsure_ = files_.size() == 1;
  head_ = unsure_ ? live_head_ : std::string();
  at_ = 0;
  carried_ = buffer_.waiting();
  if (carried_ == 0) mark_front();
}

// Whether what is carried goes on in this file, or ended without a newline. False: too little is there to tell.
bool Tail::join_or_end(Sink& sink) {
  const std::string head = rotation::read_head(files_.front(), kLineStart);
  if (head.size() < kLineStart && head.find('\n') == head.npos) return files_.size() > 1;
  if (!options_.plain && !syslog::starts_line(head) && !head.starts_with('\0')) return true;
  LineBuffer::Cut cut;
  if (buffer_.flush(cut)) hand_on(cut, &sink);
  carried_ = 0;
  mark_front();
  return true;
}

// Without a sink it is only told to the twins.
void Tail::hand_on(const LineBuffer::Cut& cut, Sink* sink) {
  if (options_.plain) {
    if (sink != nullptr) hand_on_plain(cut, *sink);
    return;
  }
  syslog::Entry entry;
  if (!lines_.parse(cut.line, entry)) return;
  const int64_t time_us = times_.time_us(entry.stamp, files_.front().changed_ns / 1'000);
  const auto way = entry.from_stderr ? StderrPairs::Way::stderr_ : StderrPairs::Way::syslog;
  if (entry.channel == Channel::corosync && !pairs_.is_new(entry.channel, way, entry.text, time_us)) return;
  if (sink == nullptr) return;
  ++handed_;
  if (cut.clipped) sink->lost(entry.channel, "too_long", 1);
  sink->line({entry.channel, entry.text, entry.identifier, time_us, entry.repeated});
}

void Tail::hand_on_plain(const LineBuffer::Cut& cut, Sink& sink) {
  ++handed_;
  if (cut.clipped) sink.lost(*options_.plain, "too_long", 1);
  sink.line({*options_.plain, cut.line, {}});
}

// What stands just before the mark: one of a pair may have been read before the restart.
void Tail::tell_pairs() {
  constexpr uint64_t kBefore = 4 << 10;
  const uint64_t from = mark_.offset - std::min(mark_.offset, kBefore);
  LineBuffer before;
  const auto room = before.room().first(mark_.offset - from);
  const ssize_t got = pread(files_.front().fd.get(), room.data(), room.size(), static_cast<off_t>(from));
  if (got <= 0) return;
  before.added(static_cast<size_t>(got));
  for (LineBuffer::Cut cut; before.next(cut);) hand_on(cut, nullptr);  // the first may be a part, which is no line
}

void Tail::hand_on_lines(Sink& sink, size_t max) {
  LineBuffer::Cut cut;
  while (handed_ < max && buffer_.next(cut)) {
    const uint64_t here = cut.bytes - carried_;
    if (carried_ > 0) mark_front();
    carried_ = 0;
    mark_.offset += here;
    hand_on(cut, &sink);
  }
}

void Tail::tell_rotations(Sink& sink) {
  for (; rotations_ > 0; --rotations_) sink.rotated();
  for (; truncations_ > 0; --truncations_) sink.truncated();
}

Status Tail::read(Sink& sink, size_t max, bool& more) {
  more = false;
  handed_ = 0;
  if (files_.empty()) return {Code::io, 0, name_.path, "closed"};
  Status status = look();
  const uint64_t began = at_;
  for (uint64_t scanned = 0;;) {
    hand_on_lines(sink, max);
    more = handed_ >= max || scanned >= kAtOnce;
    if (more) break;
    if (carried_ > 0 && at_ == 0 && !join_or_end(sink)) break;
    const auto room = buffer_.room();
    const ssize_t got = pread(files_.front().fd.get(), room.data(), room.size(), static_cast<off_t>(at_));
    if (got > 0) {
      more = !belongs({room.data(), static_cast<size_t>(got)});
      if (more) break;
      buffer_.added(static_cast<size_t>(got));
      at_ += static_cast<uint64_t>(got);
      scanned += static_cast<uint64_t>(got);
    } else if (got < 0 && errno != EINTR) {
      status = fault(errno, name_.path);
      break;
    } else if (got == 0) {
      if (drained_) {
        advance();
        more = unsure_;
        if (more) break;
      } else if (files_.size() > 1 && successor_has_data()) {
        drained_ = true;  // the writer has gone over: once more to the end
      } else {
        break;
      }
    }
  }
  remember_head();
  if (at_ != began) date_mark();
  tell_rotations(sink);
  if (!status && !more) {
    files_.clear();
    return status;
  }
  return {};
}

}  // namespace fencewatch
