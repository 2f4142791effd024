// The parser of corosync.conf, and the arithmetic on whatever it lets through.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "collectors/corosync/corosync_conf.h"

using namespace fencewatch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CorosyncConf conf;
  const Status status = parse_corosync_conf(text, conf);
  if (!status) {
    if (status.code != Code::malformed || status.line == 0 || status.text.empty()) std::abort();
    return 0;
  }
  if (conf.nodes > size) std::abort();
  const TotemTimes times = totem_times(conf, kTokenSince31);
  if (times.token == 0 || times.consensus == 0) std::abort();
  return 0;
}
