#include "exporter/node/sosreport.h"

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr char listed(char c) { return c == '/' ? '.' : c == '.' ? '/' : c; }

bool named(std::string_view key, std::string_view sysctl) {
  return std::equal(key.begin(), key.end(), sysctl.begin(), sysctl.end(), [](char a, char b) { return a == listed(b); });
}

}  // namespace

bool find_sysctl(std::string_view listing, std::string_view sysctl, std::string_view& value) {
  listing = listing.substr(0, listing.rfind('\n') + 1);  // a last line that was cut off may be cut off in the value
  std::string_view line;
  while (scan::next_line(listing, line)) {
    const size_t equals = line.find(" =");
    if (equals == line.npos || !named(line.substr(0, equals), sysctl)) continue;
    value = scan::trim_left(line.substr(equals + 2));
    return true;
  }
  return false;
}

bool find_release(std::string_view uname, std::string_view& release) {
  std::string_view line;
  if (!scan::next_line(uname, line)) return false;
  if (scan::next_word(line) != "Linux") return false;
  scan::next_word(line);
  release = scan::next_word(line);
  return !release.empty();
}

}  // namespace fencewatch
