// An entry of the journal as journalctl(1) writes it: -o export, -o json, json-pretty, json-sse, json-seq
// (systemd.journal-fields(7), https://systemd.io/JOURNAL_EXPORT_FORMATS). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/base/line.h"

namespace fencewatch {

// Whether a process with this uid in this unit may speak as a daemon of the channel: a user's process can take any name (prctl), but not a
// place in the service of the daemons.
bool may_speak(Channel channel, uint32_t uid, std::string_view unit);

// The fields that are asked for; empty: not there.
struct JournalFields {
  std::string message, identifier, transport, facility, uid, unit, pid;
  std::string realtime, source_realtime, monotonic, source_monotonic;

  // When it was said, "1779787810.123456", by the speaker's clock where it is told; empty: unknown.
  std::string stamp() const;
};

// Puts entries together out of the lines of a file.
class JournalRecord {
 public:
  enum class Told : uint8_t { none, part, whole };
  // none: the line is of no such record. part: there is more to come. whole: fields() is an entry.
  Told take(std::string_view line) {
    const bool other = state_ == State::idle && (line.empty() || std::string_view("{_d\x1e").find(line[0]) == std::string_view::npos);
    return other ? Told::none : take_some(line);
  }
  // The file has ended. True: fields() is an entry.
  bool finish();
  void begin() { *this = JournalRecord(); }
  const JournalFields& fields() const { return fields_; }

 private:
  enum class State : uint8_t { idle, exported, pretty };
  Told take_some(std::string_view line);
  void exported(std::string_view line);
  void binary(std::string_view line);

  State state_ = State::idle;
  bool done_ = false;  // fields_ were handed out: the next begins anew
  JournalFields fields_;
  std::string json_;    // json-pretty until its end
  std::string name_;    // of a field whose value is binary, export; empty: none
  std::string binary_;  // its length in 8 bytes and the value as far as it was read
  bool in_binary_ = false;
};

// One object of JSON whose values are strings, null, or arrays of bytes. False: it is none.
bool read_json(std::string_view text, JournalFields& out);

}  // namespace fencewatch
