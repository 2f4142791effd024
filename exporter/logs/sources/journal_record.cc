#include "exporter/logs/sources/journal_record.h"

#include <algorithm>
#include <utility>

#include "exporter/base/line_buffer.h"
#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr size_t kMost = 64 << 10;  // of a value, and of a record in several lines: what is longer is none of ours

std::string* field(JournalFields& fields, std::string_view name) {
  const std::pair<std::string_view, std::string*> known[] = {
      {"MESSAGE", &fields.message},
      {"SYSLOG_IDENTIFIER", &fields.identifier},
      {"_TRANSPORT", &fields.transport},
      {"SYSLOG_FACILITY", &fields.facility},
      {"_UID", &fields.uid},
      {"_SYSTEMD_UNIT", &fields.unit},
      {"_PID", &fields.pid},
      {"__REALTIME_TIMESTAMP", &fields.realtime},
      {"_SOURCE_REALTIME_TIMESTAMP", &fields.source_realtime},
      {"__MONOTONIC_TIMESTAMP", &fields.monotonic},
      {"_SOURCE_MONOTONIC_TIMESTAMP", &fields.source_monotonic},
  };
  for (const auto& [its, value] : known)
    if (its == name) return value;
  return nullptr;
}

// What a field's name is made of.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[more] | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
}

// RFC 8259, as much of it as a journal's object needs.
struct Json {
  std::string_view rest;

  void blanks() {
    const size_t n = rest.find_first_not_of(" \t\r\n");
    rest.remove_prefix(std::min(n, rest.size()));
  }
  bool cut(char c) {
    blanks();
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool hex(uint32_t& out) {
    if (rest.size() < 4) return false;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + 4, out, 16);
    if (error != std::errc{} || stop != rest.data() + 4) return false;
    rest.remove_prefix(4);
    return true;
  }
  bool escaped(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    if (rest.empty()) return false;
    const char c = rest[0];
    rest.remove_prefix(1);
    if (const size_t at = kLetters.find(c); at != kLetters.npos) {
      out += kMeant[at];
      return true;
    }
    uint32_t code = 0, low = 0;
    if (c != 'u' || !hex(code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && rest.starts_with("\\u")) {
      rest.remove_prefix(2);
      if (!hex(low) || low < 0xDC00 || low > 0xDFFF) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(code, out);
    return true;
  }
  bool string(std::string& out) {
    out.clear();
    if (!cut('"')) return false;
    while (true) {
      const size_t n = rest.find_first_of("\"\\");
      if (n == rest.npos) return false;
      out.append(rest.substr(0, n));
      const bool end = rest[n] == '"';
      rest.remove_prefix(n + 1);
      if (end) return true;
      if (!escaped(out)) return false;
    }
  }
  // Bytes of a value that is no UTF-8; of several values of one field the last.
  bool array(std::string& out) {
    std::string bytes;
    out.clear();
    for (bool first = true; !cut(']'); first = false) {
      if (!first && !cut(',')) return false;
      blanks();
      if (rest.starts_with('"') || rest.starts_with('[') || rest.starts_with('n')) {
        if (!value(bytes)) return false;
        out = bytes;
        continue;
      }
      const size_t n = std::min(rest.find_first_not_of("0123456789"), rest.size());
      uint8_t byte = 0;
      if (!scan::number(rest.substr(0, n), byte)) return false;
      out += static_cast<char>(byte);
      rest.remove_prefix(n);
    }
    return true;
  }
  bool value(std::string& out) {
    blanks();
    if (rest.starts_with('"')) return string(out);
    out.clear();
    if (rest.starts_with("null")) {
      rest.remove_prefix(4);
      return true;
    }
    if (rest.starts_with('[')) {
      if (++depth > 3) return false;
      rest.remove_prefix(1);
      const bool good = array(out);
      --depth;
      return good;
    }
    const size_t n = std::min(rest.find_first_of(",]} \t\r\n"), rest.size());  // a number, true, false
    out = rest.substr(0, n);
    rest.remove_prefix(n);
    return n > 0;
  }

  int depth = 0;
};

}  // namespace

bool may_speak(Channel channel, uint32_t uid, std::string_view unit) {
  constexpr uint32_t kFirstUser = 1000;  // login.defs(5) UID_MIN
  if (uid < kFirstUser) return true;
  if (!unit.starts_with(name(channel)) || !unit.ends_with(".service")) return false;  // "corosync.service", "pacemaker_remote.service"
  const char next = unit[name(channel).size()];
  return next == '.' || next == '_' || next == '-';
}

bool read_json(std::string_view text, JournalFields& out) {
  out = {};
  Json json{text};
  if (!json.cut('{')) return false;
  std::string name, value;
  for (bool first = true; !json.cut('}'); first = false) {
    if (!first && !json.cut(',')) return false;
    if (!json.string(name) || !json.cut(':') || !json.value(value)) return false;
    if (std::string* const known = field(out, name)) std::swap(*known, value);
  }
  return !out.message.empty() || !out.realtime.empty();
}

std::string JournalFields::stamp() const {
  uint64_t us = 0, now = 0, said = 0;
  if (!scan::number<uint64_t>(realtime, us)) us = 0;
  if (transport != "kernel") {
    if (uint64_t source = 0; scan::number<uint64_t>(source_realtime, source)) us = source;
  } else if (scan::number<uint64_t>(monotonic, now) && scan::number<uint64_t>(source_monotonic, said) && said <= now) {
    us -= std::min(us, now - said);
  }
  if (us == 0) return {};
  const std::string fraction = std::to_string(1'000'000 + us % 1'000'000);
  return std::to_string(us / 1'000'000).append(".").append(fraction.substr(1));
}

// "NAME=value"; a value that is binary comes on the next line, after its length.
void JournalRecord::exported(std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == line.npos) {
    if (!is_name(line)) return begin();  // no export
    name_ = line;
    binary_.clear();
    in_binary_ = false;
  } else if (std::string* const known = field(fields_, line.substr(0, equals))) {
    *known = line.substr(equals + 1, kMost);
  }
}

void JournalRecord::binary(std::string_view line) {
  constexpr size_t kLength = 8;
  if (std::exchange(in_binary_, true)) binary_ += '\n';
  binary_ += line;
  if (binary_.size() < kLength) return;
  uint64_t length = 0;
  for (size_t i = kLength; i-- > 0;) length = length << 8 | static_cast<unsigned char>(binary_[i]);
  if (length > kMost) return begin();
  if (binary_.size() < kLength + length) return;
  if (std::string* const known = field(fields_, name_)) *known = binary_.substr(kLength, length);
  name_.clear();
}

JournalRecord::Told JournalRecord::take_some(std::string_view line) {
  if (std::exchange(done_, false)) fields_ = {};
  if (!name_.empty()) {
    binary(line);
    return Told::part;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (state_ == State::idle) {
    if (line.starts_with('\x1e')) line.remove_prefix(1);
    if (line.starts_with("data: {")) line.remove_prefix(6);
    if (line == "{") {
      state_ = State::pretty;
      json_ = line;
      return Told::part;
    }
    if (line.starts_with('{')) {
      done_ = read_json(line, fields_);
      return done_ ? Told::whole : Told::none;
    }
    if (!line.starts_with("__CURSOR=") && !line.starts_with("__REALTIME_TIMESTAMP=")) return Told::none;
    state_ = State::exported;
    fields_ = {};
  }
  if (state_ == State::pretty) {
    if (json_.size() + line.size() > kMost) return begin(), Told::none;
    json_ += line;
    if (line != "}" && line != "},") return Told::part;
    state_ = State::idle;
    done_ = read_json(json_, fields_);
    return done_ ? Told::whole : Told::none;
  }
  if (line.empty()) return finish() ? Told::whole : Told::part;
  exported(line);
  return Told::part;
}

bool JournalRecord::finish() {
  const bool whole = state_ == State::exported && name_.empty() && !done_;
  state_ = State::idle;
  name_.clear();
  done_ = true;
  return whole;
}

}  // namespace fencewatch
