// What was put in front of every line when a log was copied: indentation, the numbers of grep -n, cat -n, nl and less -N, the file names of
// grep, a mark of quotation. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace fencewatch {

class Pasted {
 public:
  // Nothing is in front.
  Pasted() = default;
  // `sample` is the beginning of a file. It is a paste only when all lines of it have the same in front, numbers rise, and what is behind
  // them can be a line of a log.
  static Pasted of(std::string_view sample);
  // What is behind it; a line that has nothing in front is left as it is.
  std::string_view strip(std::string_view line) const;

 private:
  bool cut(std::string_view& line, size_t& number) const;

  size_t indent_ = 0;      // blanks at least
  bool quoted_ = false;    // "> "
  bool named_ = false;     // "/var/log/messages:"
  bool numbered_ = false;  // "12:", "12-", "12  "
};

}  // namespace fencewatch
