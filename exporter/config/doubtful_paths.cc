#include "exporter/config/doubtful_paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "exporter/base/fd.h"
#include "exporter/base/refused.h"
#include "exporter/node/resolve.h"

namespace fencewatch {
namespace {

const char* kind(mode_t mode) {
  return S_ISDIR(mode)    ? "a directory"
         : S_ISFIFO(mode) ? "a FIFO"
         : S_ISSOCK(mode) ? "a socket"
         : S_ISCHR(mode)  ? "a device"
         : S_ISREG(mode)  ? "a file"
                          : "something else";
}

// Empty: it is there, and is a `wanted`.
std::string wrong_with(const Fd& opened, int error, mode_t wanted) {
  struct stat is {};
  if (!opened || fstat(opened.get(), &is) != 0) return strerrordesc_np(error);
  if ((is.st_mode & S_IFMT) == wanted) return {};
  return std::string("is ") + kind(is.st_mode) + ", not " + kind(wanted);
}

}  // namespace

std::vector<std::string> doubtful_paths(const Settings& settings) {
  std::vector<std::string> doubts;
  const auto check = [&](const std::string& what, const std::string& path, const Fd& opened, mode_t wanted) {
    if (const std::string wrong = wrong_with(opened, errno, wanted); !wrong.empty())
      doubts.push_back(what + in_quotes(path) + ": " + wrong);
  };
  const auto directory = [&](const std::string& flag, const std::string& path) {
    check(flag + ": ", path, open_plainly(AT_FDCWD, path, O_PATH), S_IFDIR);
  };
  directory("--path.rootfs", settings.paths.rootfs);
  directory("--path.procfs", settings.paths.procfs);
  directory("--path.sysfs", settings.paths.sysfs);
  if (!settings.corosync_library_dir.empty()) directory("--corosync.library-dir", settings.corosync_library_dir);
  // It is made at the start where that is possible, and by systemd.
  if (settings.state_dir != Settings{}.state_dir || access(settings.state_dir.c_str(), F_OK) == 0)
    directory("--state.dir", settings.state_dir);
  const Fd root = open_plainly(AT_FDCWD, settings.paths.rootfs, O_PATH | O_DIRECTORY);
  std::vector<std::string> seen;
  for (const CustomRule& rule : settings.custom_rules) {
    if (rule.file.empty() || std::find(seen.begin(), seen.end(), rule.file) != seen.end()) continue;
    seen.push_back(rule.file);
    if (root) check("custom_events: ", rule.file, open_in_root(root.get(), rule.file, O_PATH), S_IFREG);
  }
  return doubts;
}

}  // namespace fencewatch
