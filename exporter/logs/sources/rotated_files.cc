#include "exporter/logs/sources/rotated_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include "exporter/base/scan.h"

namespace fencewatch::rotation {
namespace {

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

void describe(const struct stat& is, File& file) {
  file.device = is.st_dev;
  file.inode = is.st_ino;
  file.size = static_cast<uint64_t>(is.st_size);
  file.changed_ns = nanoseconds(is.st_mtim);
}

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Suffix> suffix(std::string_view text) {
  if (text.size() < 2 || (text[0] != '.' && text[0] != '-')) return std::nullopt;
  const bool dot = text[0] == '.';
  text.remove_prefix(1);
  Suffix out;
  if (dot && text.size() <= 4 && scan::number(text, out.number)) return out;
  const auto digits = std::ranges::count_if(text, digit);
  if (digits < 6 || !digit(text[0]) || text.find_first_not_of("0123456789-._:T") != text.npos) return std::nullopt;
  out.date = text;
  return out;
}

struct Parts {
  std::string directory, base;

  explicit Parts(const std::string& path) {
    const size_t slash = path.rfind('/');
    directory = slash == path.npos ? "." : path.substr(0, slash + 1);
    base = path.substr(slash + 1);  // npos + 1 is 0
  }
};

struct Sibling {
  std::string name;
  Suffix suffix;
  ino_t inode;
  int64_t changed_ns;

  bool operator==(const Sibling& other) const { return name == other.name && inode == other.inode; }
};

// By name where all are named alike: times of quick rotations are the same.
void sort_oldest_first(std::vector<Sibling>& all) {
  const auto numbered = static_cast<size_t>(std::ranges::count_if(all, [](const Sibling& s) { return s.suffix.date.empty(); }));
  std::ranges::sort(all, [&](const Sibling& a, const Sibling& b) {
    if (numbered == all.size()) return a.suffix.number > b.suffix.number;
    if (numbered == 0) return a.suffix.date < b.suffix.date;
    return a.changed_ns < b.changed_ns;
  });
}

// The directory of a log.
class LogDirectory {
 public:
  explicit LogDirectory(const Name& name) : parts_(name.path), opened_(name.open(parts_.directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK)) {}

  std::vector<Sibling> siblings(const File& live) const {
    std::vector<Sibling> all;
    const Directory stream = directory_of(Fd(opened_ ? openat(opened_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1));
    if (!stream) return all;
    while (const dirent* entry = readdir(stream.get())) {
      auto rotated = suffix_of(parts_.base, entry->d_name);
      struct stat is {};
      if (!rotated || fstatat(opened_.get(), entry->d_name, &is, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(is.st_mode)) continue;
      if (is.st_ino == live.inode && is.st_dev == live.device) continue;
      all.push_back({entry->d_name, std::move(*rotated), is.st_ino, nanoseconds(is.st_mtim)});
    }
    sort_oldest_first(all);
    return all;
  }

  std::optional<File> open(const Sibling& sibling) const {
    File file;
    file.fd = Fd(openat(opened_.get(), sibling.name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW));
    struct stat is {};
    if (!file.fd || fstat(file.fd.get(), &is) != 0 || is.st_ino != sibling.inode) return std::nullopt;  // renamed meanwhile
    describe(is, file);
    return file;
  }

 private:
  const Parts parts_;
  const Fd opened_;
};

// Those of `all` that follow. False: one of them is not under its name any more.
bool collect(const LogDirectory& directory, const std::vector<Sibling>& all, const Mark& mark, Trail& trail) {
  auto next = all.end();
  // A copy may be older than what was written last: the writer did not wait for the truncation.
  constexpr int64_t kCopying = 60'000'000'000;
  const int64_t made_after = mark.changed_ns - (mark.head == kHead ? kCopying : 0);
  const auto look = [&](bool renamed) {  // else for a copy: it was made later, and begins alike, which older logs may do as well
    if (trail.found || (!renamed && mark.head == 0)) return;
    for (auto it = all.begin(); it != all.end(); ++it) {
      if (renamed ? it->inode != mark.inode : it->changed_ns < made_after) continue;
      auto file = directory.open(*it);
      if (!file || !mark.fits(*file)) continue;
      trail.files.push_back(std::move(*file));
      trail.found = true;
      next = it + 1;
      return;
    }
  };
  look(true);
  look(false);
  if (!trail.found) next = std::ranges::find_if(all, [&](const Sibling& s) { return s.changed_ns > mark.changed_ns; });
  for (; next != all.end(); ++next) {
    auto file = directory.open(*next);
    if (!file) return false;
    trail.files.push_back(std::move(*file));
  }
  return true;
}

bool begins_as(const File& file, std::string_view head) { return read_head(file, head.size()) == head; }

}  // namespace

std::optional<Suffix> suffix_of(const std::string& base, std::string_view name) {
  if (name.starts_with(base)) return suffix(name.substr(base.size()));
  const size_t dot = base.rfind('.');
  if (dot == base.npos) return std::nullopt;
  const std::string_view stem = std::string_view(base).substr(0, dot), extension = std::string_view(base).substr(dot);
  if (!name.starts_with(stem) || !name.ends_with(extension) || name.size() < base.size()) return std::nullopt;
  return suffix(name.substr(stem.size(), name.size() - base.size()));
}

Fd Name::open(const std::string& of, int flags) const {
  if (!root) return Fd(::open(of.c_str(), flags | O_CLOEXEC));
  return open_in_root(root->get(), std::string_view(of).substr(std::min(of.find_first_not_of('/'), of.size())), flags);
}

bool Name::status(struct stat& out) const {
  if (!root) return stat(path.c_str(), &out) == 0;
  const Fd found = open(path, O_PATH);
  return found && fstat(found.get(), &out) == 0;
}

Status open_file(const Name& name, File& out) {
  out.fd = name.open(name.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  return out.fd ? look_again(out, name) : fault(errno, name.path);
}

Status look_again(File& file, const Name& name) {
  struct stat is {};
  if (fstat(file.fd.get(), &is) != 0) return fault(errno, name.path);
  if (!S_ISREG(is.st_mode)) return Status{Code::malformed, 0, name.path, "not a regular file"};
  describe(is, file);
  return {};
}

uint64_t fingerprint(std::string_view head) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : head) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string read_head(const File& file, uint64_t limit) {
  std::array<char, kHead> head;
  const ssize_t got = pread(file.fd.get(), head.data(), std::min<uint64_t>(limit, kHead), 0);
  return {head.data(), static_cast<size_t>(std::max<ssize_t>(got, 0))};
}

Mark Mark::of(const File& file, std::string_view head, uint64_t offset) {
  return {file.inode, offset, head.size(), rotation::fingerprint(head), file.changed_ns};
}

std::string Mark::text() const {
  const auto colon = [](auto number) { return ':' + std::to_string(number); };
  return std::to_string(inode) + colon(offset) + colon(head) + colon(fingerprint) + colon(changed_ns);
}

bool Mark::parse(std::string_view text, Mark& out) {
  const auto next = [&text](auto& number) {
    const size_t end = std::min(text.find(':'), text.size());
    const bool good = scan::number(text.substr(0, end), number);
    text.remove_prefix(std::min(end + 1, text.size()));
    return good;
  };
  const bool all = next(out.inode) && next(out.offset) && next(out.head) && next(out.fingerprint) && next(out.changed_ns);
  return all && text.empty() && out.head <= kHead;
}

bool Mark::fits(const File& file) const {
  if (file.size < offset) return false;
  const std::string begin = read_head(file, head);
  return head == 0 || (begin.size() == head && rotation::fingerprint(begin) == fingerprint);
}

// While it looks, logrotate may be at work: files change their names, and `live` its contents. Looks until nothing moved.
Trail follow(const Name& name, const Mark& mark, File& live) {
  constexpr int kTries = 100;
  const LogDirectory directory(name);
  Trail trail;
  for (int tries = 0; tries < kTries; ++tries) {
    trail = {};
    trail.head = read_head(live, kHead);
    const uint64_t size = live.size;
    const std::vector<Sibling> all = directory.siblings(live);
    const bool whole = collect(directory, all, mark, trail) && directory.siblings(live) == all;
    if (look_again(live, name) && whole && live.size >= size && begins_as(live, trail.head)) break;
  }
  const auto unfinished = [&](const File& file) {
    return file.size > 0 && file.size <= live.size && begins_as(live, read_head(file, kHead));
  };
  if (!trail.files.empty() && trail.files.back().inode != mark.inode && unfinished(trail.files.back())) trail.files.pop_back();
  trail.found = trail.found && !trail.files.empty();
  return trail;
}

}  // namespace fencewatch::rotation
