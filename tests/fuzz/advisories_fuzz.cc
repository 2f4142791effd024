// The input as a list of advisories: refused with a line of it, or read with distinct ids and verdicts that do not change. And as a
// release: the built-in list knows none that goes on behind what it knows.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "collectors/host/advisories.h"
#include "exporter/base/scan.h"

using namespace fencewatch;

namespace {

constexpr std::string_view kReleases[] = {"", "4.19.90-25.16.v2101.ky10.x86_64", "4.19.90-2105.3.0.0085.oe1", "6.6.0", "99.99.red"};

void require(bool condition) {
  if (!condition) std::abort();
}

void as_list(const std::string& text) try {
  const Advisories list(text, "fuzz"), again(text, "fuzz");
  require(list.size() == again.size());
  std::set<std::string_view> ids;
  for (size_t i = 0; i < list.size(); ++i) {
    require(!list.id(i).empty() && ids.insert(list.id(i)).second);
    for (const std::string_view release : kReleases) {
      const Verdict verdict = list.judge(i, release);
      require(verdict <= Verdict::unknown && verdict == again.judge(i, release));
    }
  }
} catch (const std::runtime_error& error) {
  std::string_view what = error.what();
  require(what.starts_with("fuzz:"));
  what.remove_prefix(5);
  const size_t colon = what.find(": ");
  int64_t line = 0;
  require(colon != what.npos && colon + 2 < what.size() && scan::number(what.substr(0, colon), line));
  require(line >= 1 && line <= 2 + std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }));
}

void as_release(const std::string& release) {
  static const Advisories built_in = Advisories::load("");
  for (size_t i = 0; i < built_in.size(); ++i) {
    require(built_in.judge(i, release + ".gfb01.x") == Verdict::unknown && built_in.judge(i, release + "\n") == Verdict::unknown);
    if (built_in.judge(i, release) == Verdict::unknown) continue;
    require(std::all_of(release.begin(), release.end(), [](char c) { return c > ' ' && c < 127; }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (size <= 2000) as_list(text);  // longer ones only cost time
  if (size <= 100) as_release(text);
  return 0;
}
