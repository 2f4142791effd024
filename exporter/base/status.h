// What became of reading, parsing or collecting. A Status never allocates: `file` and `text` are literals (or outlive the
// process), so it can be made while memory is gone, copied across threads and kept.
#pragma once

#include <cstdint>
#include <string_view>

namespace fencewatch {

enum class Code : uint8_t {
  ok,
  missing,    // the file is not there: not every kernel or node has it
  denied,     // EACCES, EPERM
  malformed,  // the bytes are not what the format says; `line` tells where
  io,         // any other error of open or read
  limit,      // larger than we are ready to hold
  refused,    // the service asked does not want to speak to us
  stuck,      // did not come back within the collector's deadline
  internal,   // an exception escaped from a collector: a bug of ours
};
inline constexpr int kCodes = 9;

// As shown in collector_failures_total{reason}.
constexpr std::string_view name(Code code) {
  constexpr std::string_view names[kCodes] = {"ok", "missing", "denied", "malformed", "io", "limit", "refused", "stuck", "internal"};
  return names[static_cast<int>(code)];
}

struct [[nodiscard]] Status {
  Code code = Code::ok;
  uint32_t line = 0;           // 1 is the first; 0: not about a line
  std::string_view file = {};  // relative to the node, e.g. "proc/zoneinfo"
  std::string_view text = {};

  constexpr explicit operator bool() const { return code == Code::ok; }
  // The same fault, told of this file; parsers do not know file names, collectors do.
  constexpr Status of(std::string_view path) const { return {code, line, path, text}; }
};

constexpr Status malformed(uint32_t line, std::string_view text) { return {Code::malformed, line, {}, text}; }

}  // namespace fencewatch
