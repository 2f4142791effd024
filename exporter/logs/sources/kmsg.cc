#include "exporter/logs/sources/kmsg.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace kmsg {
namespace {

// Cuts what stands before `end` off.
bool cut(std::string_view& rest, char end, std::string_view& out) {
  const size_t at = rest.find(end);
  if (at == rest.npos) return false;
  out = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return true;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

bool parse(std::string_view line, Record& out) {
  std::string_view head, priority, sequence, time;
  if (!cut(line, ';', head)) return false;
  if (!cut(head, ',', priority) || !cut(head, ',', sequence)) return false;
  if (!cut(head, ',', time)) time = head;  // what follows may change: "-", "c", "caller=T1"
  out.text = line;
  return scan::number(priority, out.priority) && scan::number(sequence, out.sequence) && scan::number(time, out.since_boot_us) &&
         out.since_boot_us >= 0;
}

std::string_view unescape(std::string_view text, std::string& buffer) {
  size_t at = text.find("\\x");
  if (at == text.npos) return text;
  buffer.clear();
  for (; at != text.npos; at = text.find("\\x")) {
    buffer.append(text.substr(0, at));
    text.remove_prefix(at);
    const int high = text.size() >= 4 ? hex(text[2]) : -1, low = text.size() >= 4 ? hex(text[3]) : -1;
    const bool escape = high >= 0 && low >= 0;
    buffer.push_back(escape ? static_cast<char>(high * 16 + low) : text[0]);
    text.remove_prefix(escape ? 4 : 1);
  }
  buffer.append(text);
  return buffer;
}

}  // namespace kmsg

namespace {

int64_t microseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

Kmsg::Kmsg(std::string path, std::string boot_id_path) : Kmsg(std::move(path), std::move(boot_id_path), ::read) {}

Kmsg::Kmsg(std::string path, std::string boot_id_path, ReadCall read_call)
    : path_(std::move(path)), boot_id_path_(std::move(boot_id_path)), read_(read_call) {}

Status Kmsg::open(std::string_view position) {
  device_ = Fd();
  filled_ = 0;
  known_ = seen_ = false;
  // Without the boot's id a restart would count twice.
  if (const Status status = read_boot_id(boot_id_path_, boot_); !status) return status;
  const size_t colon = position.find(':');
  if (colon != position.npos && position.substr(0, colon) == boot_) known_ = scan::number(position.substr(colon + 1), next_);
  device_ = Fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));  // stands at the oldest record
  return device_ ? Status{} : fault(errno, path_);
}

std::string Kmsg::position() const { return known_ ? boot_ + ':' + std::to_string(next_) : std::string(); }

void Kmsg::take(std::string_view line, Sink& sink, int64_t boot_us) {
  kmsg::Record record;
  if (!kmsg::parse(line, record)) return;
  seen_ = true;
  device_at_ = record.sequence + 1;
  if (known_ && record.sequence < next_) return;
  if (known_ && record.sequence > next_) sink.lost(Channel::kernel, "overrun", record.sequence - next_);
  known_ = true;
  next_ = device_at_;
  if (record.facility() != 0) return;
  sink.line({Channel::kernel, kmsg::unescape(record.text, unescaped_), "kernel", boot_us + record.since_boot_us});
}

// The lines in the buffer, at most `max`; the device gives one record with its newline, a pipe perhaps many and a part.
size_t Kmsg::take_lines(size_t max, Sink& sink) {
  const int64_t boot_us = microseconds(CLOCK_REALTIME) - microseconds(CLOCK_MONOTONIC);
  std::string_view rest(buffer_.data(), filled_);
  size_t taken = 0;
  for (; taken < max; ++taken) {
    const size_t end = rest.find('\n');
    if (end == rest.npos) break;
    take(rest.substr(0, end), sink, boot_us);
    rest.remove_prefix(end + 1);
  }
  if (rest.size() == buffer_.size()) rest = {};  // longer than any record
  if (!rest.empty()) std::memmove(buffer_.data(), rest.data(), rest.size());
  filled_ = rest.size();
  return taken;
}

// At the end of a ring that lies before our position, the machine is a snapshot that was taken before: all of it has been read.
void Kmsg::caught_up() {
  if (known_ && seen_) next_ = std::min(next_, device_at_);
}

Status Kmsg::read(Sink& sink, size_t max, bool& more) {
  more = false;
  size_t taken = take_lines(max, sink);
  while (taken < max) {
    const ssize_t got = read_(device_.get(), buffer_.data() + filled_, buffer_.size() - filled_);
    if (got > 0) {
      filled_ += static_cast<size_t>(got);
      taken += take_lines(max - taken, sink);
    } else if (got == 0 || errno == EAGAIN) {
      caught_up();
      return {};
    } else if (errno == EPIPE || errno == EINVAL) {  // overrun, or longer than our buffer: the sequence numbers tell how many are lost
      ++taken;
    } else if (errno != EINTR) {
      const Status status = fault(errno, path_);
      device_ = Fd();
      return status;
    }
  }
  more = true;
  return {};
}

}  // namespace fencewatch
