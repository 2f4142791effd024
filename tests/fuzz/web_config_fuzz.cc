// libFuzzer: a web.config.file is read, or refused with one line that names a line of it; what is read fits into an answer.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "exporter/base/refused.h"
#include "exporter/base/scan.h"
#include "exporter/web/web_config.h"

using namespace fencewatch;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4000) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const WebConfig config = parse_web_config(text, "fuzz");
    require(config.headers.empty() || config.headers.ends_with("\r\n"));
    for (size_t i = 0; i < config.headers.size(); ++i)
      require(static_cast<unsigned char>(config.headers[i]) >= ' ' || config.headers[i] == (config.headers[i + 1] == '\n' ? '\r' : '\n'));
    for (const auto& [name, hash] : config.users) require(hash.size() == 60 && name.find(':') == name.npos);
    if (config.tls) require(!config.tls->cert_file.empty() && !config.tls->key_file.empty());
    require(config.rate_interval.count() >= 0 && (config.rate_interval.count() == 0 || config.rate_burst > 0));
  } catch (const Refused& e) {
    std::string_view what = e.what();
    require(what.starts_with("fuzz:") && what.find('\n') == what.npos);
    what.remove_prefix(5);
    const size_t colon = what.find(": ");
    int64_t line = 0;
    require(colon != what.npos && scan::number(what.substr(0, colon), line));
    require(line >= 1 && line <= 2 + std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }));
  }
  return 0;
}
