// /etc/corosync/corosync.conf: corosync.conf(5), the reader is corosync's exec/coroparse.c, the arithmetic exec/totemconfig.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "exporter/base/status.h"

namespace fencewatch {

// What totem {} and nodelist {} say of time, as written; what is not written is absent.
struct CorosyncConf {
  std::optional<uint32_t> token, token_coefficient, consensus;  // milliseconds
  std::optional<uint32_t> token_warning;                        // per cent of the token timeout, 0: no warning
  uint32_t nodes = 0;                                           // node {} in nodelist {}; 0 without a nodelist (multicast, 1.x)
};

// Reads what corosync reads, and a comment behind a value or a brace besides. Unknown keys and sections are skipped; a value that is no
// number, and braces that do not match, are malformed. The last line needs no newline.
Status parse_corosync_conf(std::string_view text, CorosyncConf& out);

// The token timeout of a file that names none.
inline constexpr uint32_t kTokenBefore31 = 1000;
inline constexpr uint32_t kTokenSince31 = 3000;

// What corosync makes of it.
struct TotemTimes {
  uint64_t token = 0, consensus = 0;  // milliseconds
  uint32_t token_warning = 0;         // per cent
};
TotemTimes totem_times(const CorosyncConf& conf, uint32_t default_token);

}  // namespace fencewatch
