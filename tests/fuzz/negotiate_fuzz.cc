// libFuzzer: every header and query string has an answer, and what is shown again is harmless.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "exporter/web/negotiate.h"

using namespace fencewatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)negotiate::format(text);
  (void)negotiate::gzip(text);
  const auto budget = negotiate::scrape_budget(text);
  if (budget < std::chrono::milliseconds(100) || budget > std::chrono::minutes(2)) std::abort();

  size_t decoded = 0, pairs = 0;
  std::string_view query = text;
  for (negotiate::Parameter p; negotiate::next_parameter(query, p); ++pairs) decoded += p.name.size() + p.value.size();
  if (decoded > size || pairs > size) std::abort();

  negotiate::chinese(text, text);
  for (const char c : negotiate::printable(text))
    if (c < ' ' || c > '~') std::abort();
  return 0;
}
