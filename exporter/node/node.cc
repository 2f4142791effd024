#include "exporter/node/node.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <mutex>

#include "exporter/base/scan.h"
#include "exporter/node/resolve.h"
#include "exporter/node/sosreport.h"

namespace fencewatch {

namespace {

constexpr size_t kFirstRead = 4 << 10;  // of proc/sys the kernel allocates and clears as much as is asked for
constexpr size_t kMaxOpen = 64;         // files of procfs that are kept open; collectors read fewer
constexpr int kReadFlags = O_RDONLY | O_NOCTTY;

// From the start to the end. pread where the file can, so that readers of one descriptor do not disturb each other.
int read_all(int fd, Bytes& out) {
  bool positioned = true;
  out.clear();
  while (true) {
    const size_t size = out.size();
    if (size > Node::kMaxFile) return EFBIG;
    out.reserve(size + (size == 0 ? kFirstRead : 1));
    const size_t room = out.capacity() - size;
    const ssize_t got = positioned ? pread(fd, out.data() + size, room, static_cast<off_t>(size)) : ::read(fd, out.data() + size, room);
    if (got == 0) return 0;
    if (got > 0) {
      out.resize(size + static_cast<size_t>(got));
    } else if (errno == ESPIPE && positioned) {
      positioned = false;
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

// One of the three roots.
class Tree {
 public:
  explicit Tree(const std::string& path) : root_(open_plainly(AT_FDCWD, path, O_RDONLY | O_DIRECTORY)), error_(root_ ? 0 : errno) {
    struct statfs fs {};
    if (!root_ || fstatfs(root_.get(), &fs) != 0) return;
    live_procfs_ = fs.f_type == PROC_SUPER_MAGIC;
    struct stat here {
    }, slash{};
    const bool is_slash =
        fstat(root_.get(), &here) == 0 && stat("/", &slash) == 0 && here.st_dev == slash.st_dev && here.st_ino == slash.st_ino;
    // No absolute link is in procfs and sysfs but those that mean to leave, and / cannot be left.
    plain_ = live_procfs_ || fs.f_type == SYSFS_MAGIC || is_slash;
  }

  int error() const { return error_; }
  bool live_procfs() const { return live_procfs_; }

  Fd open(std::string_view path, int flags) const {
    if (!root_) return errno = error_, Fd();
    return plain_ ? open_plainly(root_.get(), path, flags) : open_in_root(root_.get(), path, flags);
  }

 private:
  Fd root_;
  int error_;
  bool live_procfs_ = false;
  bool plain_ = false;
};

class HostNode final : public Node {
 public:
  explicit HostNode(const NodePaths& paths) : rootfs_(paths.rootfs), procfs_(paths.procfs), sysfs_(paths.sysfs) {}

  Status opened() const {
    if (rootfs_.error() != 0) return fault(rootfs_.error(), "--path.rootfs");
    if (procfs_.error() != 0) return fault(procfs_.error(), "--path.procfs");
    if (sysfs_.error() != 0) return fault(sysfs_.error(), "--path.sysfs");
    return {};
  }

  Status read(std::string_view path, Bytes& out) const override {
    const Where where = find(path);
    int error = kept(where) ? read_kept(where, out) : read_once(where, out);
    if (error == 0) return {};
    if (error == ENOENT && !procfs_.live_procfs() && read_sosreport(path, out)) return {};
    out.clear();
    if (error == EFBIG) return {Code::limit, 0, path, "larger than 64 MiB"};
    return fault(error, path);
  }

  Status list(std::string_view dir, Names& out) const override {
    out.clear();
    const Where where = find(dir);
    const Fd fd = where.tree.open(where.rest, O_RDONLY | O_DIRECTORY);
    if (!fd) return fault(errno, dir);
    const int own = fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(own < 0 ? nullptr : fdopendir(own), closedir);
    if (!entries) return fault(errno, dir);
    errno = 0;
    while (const dirent* entry = readdir(entries.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") out.emplace_back(name);
      errno = 0;
    }
    if (errno != 0) {
      const int error = errno;
      out.clear();
      return fault(error, dir);
    }
    std::sort(out.begin(), out.end());
    return {};
  }

  long page_size() const override {
    if (procfs_.live_procfs()) return sysconf(_SC_PAGESIZE);
    long size = page_size_;
    if (size == kUntold) {
      bool sure = true;
      size = told_page_size(sure);
      if (sure) page_size_ = size;
    }
    return size;
  }

 private:
  struct Where {
    const Tree& tree;
    std::string_view rest;
  };
  struct Open {
    std::string path;
    std::shared_ptr<const Fd> fd;
  };

  Where find(std::string_view path) const {
    const auto below = [path](std::string_view root) {
      return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
    };
    if (below("proc")) return {procfs_, path.substr(std::min<size_t>(5, path.size()))};
    if (below("sys")) return {sysfs_, path.substr(std::min<size_t>(4, path.size()))};
    return {rootfs_, path};
  }

  // A file of a process goes with it: keeping it open would keep the answers of the dead.
  bool kept(const Where& where) const {
    return where.tree.live_procfs() && !where.rest.empty() && !(where.rest[0] >= '0' && where.rest[0] <= '9');
  }

  static int read_once(const Where& where, Bytes& out) {
    const Fd fd = where.tree.open(where.rest, kReadFlags);
    return fd ? read_all(fd.get(), out) : errno;
  }

  int read_kept(const Where& where, Bytes& out) const {
    if (const std::shared_ptr<const Fd> fd = lookup(where.rest)) {
      if (const int error = read_all(fd->get(), out); error == 0 || error == EFBIG) return error;
      forget(fd);
    }
    const auto fd = std::make_shared<const Fd>(where.tree.open(where.rest, kReadFlags));
    if (!*fd) return errno;
    const int error = read_all(fd->get(), out);
    if (error == 0) remember(where.rest, fd);
    return error;
  }

  std::shared_ptr<const Fd> lookup(std::string_view path) const {
    const std::lock_guard lock(mutex_);
    for (const Open& open : open_) {
      if (open.path == path) return open.fd;
    }
    return nullptr;
  }

  void remember(std::string_view path, const std::shared_ptr<const Fd>& fd) const {
    const std::lock_guard lock(mutex_);
    if (open_.size() < kMaxOpen && std::none_of(open_.begin(), open_.end(), [path](const Open& open) { return open.path == path; })) {
      open_.push_back({std::string(path), fd});
    }
  }

  void forget(const std::shared_ptr<const Fd>& fd) const {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_, [&fd](const Open& open) { return open.fd == fd; });
  }

  // The listing is read into `out` and the value moved to its start.
  bool read_sosreport(std::string_view path, Bytes& out) const {
    constexpr std::string_view sysctls = "proc/sys/";
    if (!path.starts_with(sysctls)) return false;
    const auto take = [&out](std::string_view value) {
      std::memmove(out.data(), value.data(), value.size());
      out.resize(value.size());
      out.append("\n");
      return true;
    };
    std::string_view value;
    if (read_once({rootfs_, "sos_commands/kernel/sysctl_-a"}, out) == 0 && find_sysctl(out, path.substr(sysctls.size()), value))
      return take(value);
    if (path != "proc/sys/kernel/osrelease") return false;
    for (const Where& where : {Where{rootfs_, "sos_commands/kernel/uname_-a"}, Where{rootfs_, "uname"}, Where{procfs_, "version"}}) {
      if (read_once(where, out) == 0 && find_release(out, value)) return take(value);
    }
    return false;
  }

  // MemFree and nr_free_pages are the same count in different units (fs/proc/meminfo.c); read one after the other they differ a little.
  // Without them the architecture tells, where it has pages of one size only.
  long told_page_size(bool& sure) const {
    uint64_t free_kb = 0, free_pages = 0;
    sure = told("meminfo", "MemFree:", free_kb) && told("vmstat", "nr_free_pages", free_pages);
    if (free_pages == 0) sure = told("zoneinfo", "nr_free_pages", free_pages) && sure;
    if (free_kb == 0 || free_pages == 0) return has_small_pages() ? 4096 : 0;
    const double ratio = static_cast<double>(free_kb) / static_cast<double>(free_pages);
    constexpr long sizes[] = {4, 8, 16, 64};  // kB: x86, alpha and sparc, arm64 and loongarch, arm64 and ppc64
    const auto distance = [ratio](long size) { return std::abs(std::log(ratio / static_cast<double>(size))); };
    return 1024 * *std::min_element(std::begin(sizes), std::end(sizes), [&](long a, long b) { return distance(a) < distance(b); });
  }

  // x86 and s390x, as release or `uname -a` name them: "4.18.0-80.el8.x86_64", "6.1.0-57-cloud-amd64", "… SMP x86_64 GNU/Linux".
  bool has_small_pages() const {
    const auto small = [](std::string_view machine) {
      constexpr std::string_view names[] = {"x86_64", "amd64", "i686", "s390x"};
      return std::any_of(std::begin(names), std::end(names), [&](std::string_view name) { return machine.find(name) != machine.npos; });
    };
    Bytes text;
    if (read("proc/sys/kernel/osrelease", text) && small(text)) return true;
    for (const std::string_view file : {"sos_commands/kernel/uname_-a", "uname"}) {
      std::string_view release;
      if (read_once({rootfs_, file}, text) == 0 && find_release(text, release) && small(text.view().substr(release.data() - text.data())))
        return true;
    }
    return false;
  }

  // The sum of the numbers behind `key`. False when the file could not be read for now; absent keys and files add nothing.
  bool told(std::string_view file, std::string_view key, uint64_t& sum) const {
    Bytes text;
    const int error = read_once({procfs_, file}, text);
    if (error != 0) return error == ENOENT;
    std::string_view rest = text, line;
    while (scan::next_line(rest, line)) {
      uint64_t value = 0;
      if (scan::next_word(line) != key) continue;
      if (!scan::number(scan::next_word(line), value)) return false;
      sum += value;
    }
    return true;
  }

  const Tree rootfs_, procfs_, sysfs_;
  mutable std::mutex mutex_;        // never held while reading
  mutable std::vector<Open> open_;  // of a live procfs
  static constexpr long kUntold = -1;
  mutable std::atomic<long> page_size_ = kUntold;
};

}  // namespace

std::unique_ptr<Node> open_node(const NodePaths& paths, Status& status) {
  auto node = std::make_unique<HostNode>(paths);
  status = node->opened();
  return node;
}

}  // namespace fencewatch
