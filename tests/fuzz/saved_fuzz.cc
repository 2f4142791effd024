// Lines of saved series: what is taken is written the same again.
#include <cstdint>
#include <cstdlib>

#include "exporter/collect/saved_series.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  fencewatch::SavedSeries series;
  if (fencewatch::from_line(line, series) && fencewatch::to_line(series) != line) std::abort();
  return 0;
}
