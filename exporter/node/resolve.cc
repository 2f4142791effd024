#include "exporter/node/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace fencewatch {
namespace {

constexpr int kMaxLinks = 40;     // as path_resolution(7)
constexpr size_t kMaxDepth = 64;  // directories; the deepest of those that we read have ten
constexpr int kRaces = 8;         // openat2 asks to be called again when a rename was under way

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

// The directories from the root down to where the walk is, and the part of the path that is still to go. Without the heap, for files of a
// tree are read at every scrape.
class Walk {
 public:
  Walk(int root, std::string_view path) : root_(root) { prepend(path); }

  int here() const { return depth_ == 0 ? root_ : below_[depth_ - 1].get(); }
  bool at_end() const { return rest().empty(); }

  // The next name of the path, empty at its end. Good until follow() or the next call.
  const char* next() {
    begin_ = std::min(text_.size(), begin_ + std::min(rest().find_first_not_of('/'), rest().size()));
    const std::string_view name = rest().substr(0, rest().find('/'));
    name_[name.copy(name_.data(), name_.size() - 1)] = '\0';  // one that is too long is cut, and then too long for the kernel as well
    begin_ += name.size();
    return name_.data();
  }

  void up() {
    if (depth_ > 0) below_[--depth_] = Fd();
  }

  // 0 or an errno.
  int down(Fd directory) {
    if (!directory) return errno;
    if (depth_ == below_.size()) return ENAMETOOLONG;
    below_[depth_++] = std::move(directory);
    return 0;
  }

  // Replaces `name` by what it links to. 0, or EINVAL when it is not a link, or another errno.
  int follow(const char* name) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(here(), name, target, sizeof target);
    if (length < 0) return errno;
    if (++links_ > kMaxLinks) return ELOOP;
    if (length > 0 && target[0] == '/')
      while (depth_ > 0) up();
    return prepend({target, static_cast<size_t>(length)}) ? 0 : ENAMETOOLONG;
  }

  bool fits() const { return fits_; }

 private:
  std::string_view rest() const { return {text_.data() + begin_, text_.size() - begin_}; }
  bool prepend(std::string_view path) {
    fits_ = path.size() < begin_;
    if (fits_) begin_ -= path.copy(text_.data() + begin_ - path.size(), path.size());
    return fits_;
  }

  const int root_;
  std::array<Fd, kMaxDepth> below_;
  size_t depth_ = 0;
  int links_ = 0;
  bool fits_ = true;
  std::array<char, PATH_MAX> text_;  // the rest stands at its end
  size_t begin_ = text_.size();
  std::array<char, NAME_MAX + 2> name_;
};

}  // namespace

Fd open_plainly(int root, std::string_view path, int flags) {
  const Path name(path);
  return name.fits ? Fd(open_again(root, name.text, flags)) : failed(ENAMETOOLONG);
}

Fd walk_in_root(int root, std::string_view path, int flags) {
  Walk walk(root, path);
  if (!walk.fits() || path.find('\0') != path.npos) return failed(ENAMETOOLONG);
  while (true) {
    const char* const name = walk.next();
    const std::string_view word = name;
    if (word.empty()) return Fd(open_again(walk.here(), ".", flags));
    if (word == ".") continue;
    if (word == "..") {
      walk.up();
      continue;
    }
    const int error = walk.follow(name);
    if (error == 0) continue;
    if (error != EINVAL) return failed(error);
    if (walk.at_end()) return Fd(open_again(walk.here(), name, flags | O_NOFOLLOW));
    if (const int refused = walk.down(Fd(open_again(walk.here(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW)))) return failed(refused);
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

std::string path_in_root(const std::string& root, std::string_view path) {
  const Fd top(open_plainly(AT_FDCWD, root.empty() ? "/" : root, O_PATH | O_DIRECTORY));
  if (!top) return {};
  const Fd found = open_in_root(top.get(), path, O_PATH);
  if (!found) return {};
  char real[PATH_MAX];
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(found.get())).c_str(), real, sizeof real);
  return size < 0 ? std::string() : std::string(real, static_cast<size_t>(size));
}

std::optional<std::string_view> below_root(std::string_view root, std::string_view path) {
  while (root.ends_with('/')) root.remove_suffix(1);
  if (root.empty() || !path.starts_with(root) || path.size() <= root.size() || path[root.size()] != '/') return std::nullopt;
  path.remove_prefix(root.size() + 1);
  return path;
}

}  // namespace fencewatch
