#include "exporter/events/rotation.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include "exporter/scan.h"

namespace fencewatch::rotation {
namespace {

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

void describe(const struct stat& is, File& file) {
  file.device = is.st_dev;
  file.inode = is.st_ino;
  file.size = static_cast<uint64_t>(is.st_size);
  file.changed_ns = nanoseconds(is.st_mtim);
}

// What rotation puts to a name: "1" (a larger number is older) or "20261123-17" (a larger text is newer).
struct Suffix {
  uint32_t number = 0;
  std::string date;  // empty: numbered
};

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

struct Name {
  std::string directory, base, stem, extension;

  explicit Name(const std::string& path) {
    const size_t slash = path.rfind('/');
    directory = slash == path.npos ? "." : path.substr(0, slash + 1);
    base = path.substr(slash + 1);  // npos + 1 is 0
    const size_t dot = base.rfind('.');
    stem = base.substr(0, dot);
    if (dot != base.npos) extension = base.substr(dot);
  }

  std::optional<Suffix> suffix_of(std::string_view name) const {
    if (name.starts_with(base)) return suffix(name.substr(base.size()));
    if (extension.empty() || !name.starts_with(stem) || !name.ends_with(extension) || name.size() < stem.size() + extension.size())
      return {};
    return suffix(name.substr(stem.size(), name.size() - stem.size() - extension.size()));
  }
};

struct Sibling {
  std::string name;
  Suffix suffix;
  ino_t inode;
  int64_t changed_ns;
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

std::vector<Sibling> siblings(const Name& name, const File& live) {
  std::vector<Sibling> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(name.directory.c_str()), closedir);
  if (!directory) return all;
  while (const dirent* entry = readdir(directory.get())) {
    auto rotated = name.suffix_of(entry->d_name);
    struct stat is {};
    if (!rotated || fstatat(dirfd(directory.get()), entry->d_name, &is, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(is.st_mode)) continue;
    if (is.st_ino == live.inode && is.st_dev == live.device) continue;
    all.push_back({name.directory + '/' + entry->d_name, std::move(*rotated), is.st_ino, nanoseconds(is.st_mtim)});
  }
  sort_oldest_first(all);
  return all;
}

std::optional<File> open_sibling(const Sibling& sibling) {
  File file;
  if (!open_file(sibling.name, file) || file.inode != sibling.inode) return std::nullopt;  // renamed meanwhile
  return file;
}

}  // namespace

Status open_file(const std::string& path, File& out) {
  out.fd = Fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  return out.fd ? look_again(out, path) : fault(errno, path);
}

Status look_again(File& file, const std::string& path) {
  struct stat is {};
  if (fstat(file.fd.get(), &is) != 0) return fault(errno, path);
  if (!S_ISREG(is.st_mode)) return Status{Code::malformed, 0, path, "not a regular file"};
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

Trail follow(const std::string& path, const Mark& mark, const File& live) {
  const std::vector<Sibling> all = siblings(Name(path), live);
  Trail trail;
  auto next = all.end();
  const auto look = [&](bool renamed) {  // else for a copy: it was made later, and begins alike, which older logs may do as well
    if (trail.found || (!renamed && mark.head == 0)) return;
    for (auto it = all.begin(); it != all.end(); ++it) {
      if (renamed ? it->inode != mark.inode : it->changed_ns < mark.changed_ns) continue;
      auto file = open_sibling(*it);
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
  for (; next != all.end(); ++next)
    if (auto file = open_sibling(*next)) trail.files.push_back(std::move(*file));
  return trail;
}

}  // namespace fencewatch::rotation
