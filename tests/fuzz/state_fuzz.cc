// libFuzzer: a state file of any bytes is refused with a line, or is what its text says; also when its checksum is right.
#include <isa-l.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "exporter/logs/state/snapshot.h"

using namespace fencewatch;

namespace {

void check(const std::string& text) {
  Snapshot snapshot, again;
  const Status status = from_text(text, snapshot);
  if (!status) {
    if (status.line == 0 || !snapshot.positions.empty() || !snapshot.counts.empty()) std::abort();
    return;
  }
  if (!from_text(to_text(snapshot), again) || to_text(again) != to_text(snapshot)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  const std::string body = "fencewatch state 1\n" + text;
  char end[16];
  std::snprintf(end, sizeof end, "end %08x\n", crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(body.data()), body.size()));
  check(body + end);
  return 0;
}
