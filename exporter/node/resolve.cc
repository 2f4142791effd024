#include "exporter/node/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <vector>

namespace fencewatch {
namespace {

constexpr int kMaxLinks = 40;  // as path_resolution(7)
constexpr int kRaces = 8;      // openat2 asks to be called again when a rename was under way

// A path with its terminating NUL, without the heap.
struct Path {
  char text[PATH_MAX];
  bool fits;
  explicit Path(std::string_view path) : fits(path.size() < sizeof text && path.find('\0') == path.npos) {
    if (path.empty()) path = ".";
    if (!fits) return;
    std::memcpy(text, path.data(), path.size());
    text[path.size()] = '\0';
  }
};

int open_again(int dir, const char* name, int flags) {
  int fd;
  do {
    fd = openat(dir, name, flags | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Fd failed(int error) {
  errno = error;
  return Fd();
}

// The directories from the root down to where the walk is, and the part of the path that is still to go.
struct Walk {
  int root;
  std::vector<Fd> below;
  std::string rest;
  int links = 0;

  int here() const { return below.empty() ? root : below.back().get(); }

  std::string next() {
    rest.erase(0, rest.find_first_not_of('/'));
    std::string name = rest.substr(0, rest.find('/'));
    rest.erase(0, name.size());
    return name;
  }

  // Replaces `name` by what it links to. 0, or EINVAL when it is not a link, or another errno.
  int follow(const std::string& name) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(here(), name.c_str(), target, sizeof target);
    if (length < 0) return errno;
    if (++links > kMaxLinks) return ELOOP;
    if (length > 0 && target[0] == '/') below.clear();
    rest.insert(0, target, static_cast<size_t>(length));
    return rest.size() < PATH_MAX ? 0 : ENAMETOOLONG;
  }
};

}  // namespace

Fd open_plainly(int root, std::string_view path, int flags) {
  const Path name(path);
  return name.fits ? Fd(open_again(root, name.text, flags)) : failed(ENAMETOOLONG);
}

Fd walk_in_root(int root, std::string_view path, int flags) {
  Walk walk{root, {}, std::string(path)};
  while (true) {
    const std::string name = walk.next();
    if (name.empty()) return Fd(open_again(walk.here(), ".", flags));
    if (name == ".") continue;
    if (name == "..") {
      if (!walk.below.empty()) walk.below.pop_back();
      continue;
    }
    const int error = walk.follow(name);
    if (error == 0) continue;
    if (error != EINVAL) return failed(error);
    if (walk.rest.empty()) return Fd(open_again(walk.here(), name.c_str(), flags | O_NOFOLLOW));
    Fd directory(open_again(walk.here(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (!directory) return Fd();
    walk.below.push_back(std::move(directory));
  }
}

Fd open_in_root(int root, std::string_view path, int flags) {
  const Path name(path);
  if (!name.fits) return failed(ENAMETOOLONG);
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT;
  for (int races = 0; races < kRaces;) {
    const long fd = syscall(SYS_openat2, root, name.text, &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno == ENOSYS || errno == EPERM) break;
    if (errno == EAGAIN) {
      ++races;
    } else if (errno != EINTR) {
      return Fd();
    }
  }
  return walk_in_root(root, path, flags);
}

}  // namespace fencewatch
