#include "exporter/base/refused.h"

namespace fencewatch {

std::string in_quotes(std::string_view value) {
  std::string shown = "\"";
  for (const char c : value) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return shown + '"';
}

}  // namespace fencewatch
