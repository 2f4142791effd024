// Where lines come from: /dev/kmsg, the journal, a file. Used by the reading thread alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/base/line.h"
#include "exporter/base/status.h"

namespace fencewatch {

// Takes what a Source reads.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void line(const Line& line) = 0;
  // Lines that were there and could not be read, or were cut: reason is "overrun", "truncated", "too_long", ….
  virtual void lost(Channel channel, std::string_view reason, uint64_t lines) = 0;
  // A file was followed to its successor, or began anew in place (copytruncate).
  virtual void rotated() {}
  virtual void truncated() {}
};

class Source {
 public:
  virtual ~Source() = default;

  // As in log_source_info{source}: "kmsg", "journal", "/var/log/messages".
  virtual std::string_view name() const = 0;

  // Goes to where `position`, an earlier position(), was reached; empty: to the beginning of this boot for kmsg and the journal, to the
  // end for files unless all of it was asked for. A position that no longer exists is not an error: what is still there is read, what
  // is gone is told to the sink of the next read() where it can be counted. "@" and a Unix time in microseconds: to the first line that
  // is not older, or anywhere before it (the reader skips); asked for when this source takes over from another. Called again after a
  // fault, not before a pause.
  virtual Status open(std::string_view position) = 0;

  // Hands on what is there, `max` lines at most; never waits. `more`: there is more at once. After a fault the source is closed.
  virtual Status read(Sink& sink, size_t max, bool& more) = 0;

  // Readable when there may be something to read; -1: ask every second.
  virtual int fd() const = 0;

  // When that which is open was last written to, as a Unix time in microseconds; 0: unknown, or of no matter.
  virtual int64_t written_us() const { return 0; }

  // Whether what is open holds a line in which the channel's speaker says something, or may hold one; asked after open().
  virtual bool speaks(Channel /*channel*/) const { return true; }

  // Bytes that are there and were not read yet, by the last read(); -1: not known.
  virtual int64_t unread() const { return -1; }

  // The last read() has not ended yet: nothing follows from what it gave.
  virtual bool late() const { return false; }

  // Text without blanks or newlines from which open() goes on behind the last line that was handed on.
  virtual std::string position() const = 0;
};

}  // namespace fencewatch
