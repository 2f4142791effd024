// wtmp: any bytes are taken or refused with the number of a record.
#include <cstdint>
#include <cstdlib>

#include "collectors/host/wtmp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fencewatch::Wtmp wtmp;
  const auto status = fencewatch::parse_wtmp({reinterpret_cast<const char*>(data), size}, wtmp);
  if (!status && (status.line == 0 || status.line > size / 384)) std::abort();
  if (wtmp.boots > size / 384 || (wtmp.previous_clean && wtmp.boots < 2)) std::abort();
  return 0;
}
