#include "exporter/logs/sources/boot_id.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "exporter/base/scan.h"
#include "exporter/node/resolve.h"

namespace fencewatch {

Status read_boot_id(const std::string& path, std::string& out) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fault(errno, path);
  char text[64];
  const ssize_t got = read(file.get(), text, sizeof text);
  if (got < 0) return fault(errno, path);
  std::string_view rest(text, static_cast<size_t>(got)), id;
  if (!scan::next_line(rest, id) || id.empty() || id.find_first_not_of("0123456789abcdef-") != id.npos)
    return malformed(1, "boot id").of(path);
  out = id;
  return {};
}

}  // namespace fencewatch
