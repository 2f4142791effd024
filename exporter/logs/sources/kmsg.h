// The kernel's own log, /dev/kmsg (Documentation/ABI/testing/dev-kmsg): one record a read(2),
//   prio,sequence,microseconds,flags[,…];text\n[ KEY=value\n…]
// prio holds the facility: 0 is the kernel's, and nobody else can write it; what others wrote into the device is passed over in silence.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>

#include "exporter/logs/sources/boot_id.h"
#include "exporter/logs/sources/source.h"
#include "exporter/node/resolve.h"

namespace fencewatch {

namespace kmsg {

struct Record {
  uint32_t priority = 0;  // facility * 8 + level
  uint64_t sequence = 0;
  int64_t since_boot_us = 0;
  std::string_view text;  // as it is in the record

  uint32_t facility() const { return priority >> 3; }
};

// One line of a record, without its newline. False: none begins here, as in the lines " KEY=value".
bool parse(std::string_view line, Record& out);

// The kernel writes bytes below a blank, above ~, and backslashes as \x0a. A newline in the text stays one: what stands behind it may
// be the words of a user, and begins no line. The result is `text`, or lies in `buffer`.
std::string_view unescape(std::string_view text, std::string& buffer);

}  // namespace kmsg

// Its position is the boot's id and the sequence number, so a restart goes on where it stopped and a new boot from its beginning. Gaps
// in the numbers are told as lost("overrun"); what a ring lost before it was opened for the first time in a boot is not.
//
// Time: the clock of the records does not run while the machine is suspended, and is not slewed by NTP: some seconds a month.
class Kmsg final : public Source {
 public:
  using ReadCall = ssize_t (*)(int fd, void* buffer, size_t size);  // read(2); a test puts its own faults in

  // Another path stands in for the device in tests, and in a pod.
  explicit Kmsg(std::string path = "/dev/kmsg", std::string boot_id_path = kBootIdPath);
  Kmsg(std::string path, std::string boot_id_path, ReadCall read_call);

  std::string_view name() const override { return "kmsg"; }
  Status open(std::string_view position) override;
  // A record that is passed over counts as one of `max`.
  Status read(Sink& sink, size_t max, bool& more) override;
  int fd() const override { return device_.get(); }
  std::string position() const override;  // empty: nothing was read so far

 private:
  void take(std::string_view record, Sink& sink, int64_t boot_us);
  size_t take_lines(size_t max, Sink& sink);
  void caught_up();

  const std::string path_, boot_id_path_;
  const ReadCall read_;
  Fd device_;
  std::string boot_;
  std::string unescaped_;
  uint64_t next_ = 0;                  // the sequence number behind the last record that was handed on
  uint64_t device_at_ = 0;             // the one behind the last record that was read
  bool known_ = false;                 // next_ says something
  bool seen_ = false;                  // device_at_ does
  size_t filled_ = 0;                  // of buffer_
  std::array<char, 16 << 10> buffer_;  // a record has at most 8 KiB
};

}  // namespace fencewatch
