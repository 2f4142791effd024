#include "exporter/diagnose/unpacked_report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "exporter/base/fd.h"
#include "exporter/base/refused.h"
#include "exporter/diagnose/libarchive.h"
#include "exporter/node/resolve.h"

namespace fencewatch {
namespace {

constexpr size_t kBlock = 64 << 10;
constexpr size_t kLongestName = 1024;
constexpr size_t kMostUnread = 100;

using Reader = std::unique_ptr<archive, int (*)(archive*)>;

// Of a report's own: no "..", nothing absolute, no more than it has.
bool is_plain(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name[0] == '/') return false;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    if (part == ".." || part.size() > 255) return false;
    at = end + 1;
  }
  return true;
}

std::string_view without_dot(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  return name;
}

// Holes of a sparse file stay holes. False: `budget` does not suffice, or the disk is full.
bool copy(const Libarchive& library, archive* from, int to, uint64_t& budget) {
  const void* data = nullptr;
  size_t size = 0;
  int64_t at = 0;
  for (;;) {
    const int result = library.read_data_block(from, &data, &size, &at);
    if (result == Libarchive::end) return true;
    if (result < Libarchive::warning || size > budget) return false;
    budget -= size;
    for (size_t done = 0; done < size;) {
      const ssize_t wrote = pwrite(to, static_cast<const char*>(data) + done, size - done, at + static_cast<int64_t>(done));
      if (wrote <= 0) return false;
      done += static_cast<size_t>(wrote);
    }
  }
}

std::string private_directory() {
  const char* where = std::getenv("TMPDIR");
  std::string name = std::string(where != nullptr && *where == '/' ? where : "/tmp") + "/fencewatch-diagnose-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw Refused("cannot make a directory like " + in_quotes(name) + ": " + strerrordesc_np(errno));
  return name;
}

}  // namespace

bool is_read(std::string_view path) {
  constexpr std::string_view kTrees[] = {"proc/",        "sys/",     "etc/corosync/", "etc/sysconfig/",
                                         "etc/default/", "var/log/", "var/crash/",    "sos_commands/"};
  constexpr std::string_view kFiles[] = {"etc/hostname", "etc/localtime", "etc/machine-id", "etc/os-release", "date", "uptime", "hostname"};
  constexpr std::string_view kNever[] = {"var/log/sa/", "var/log/audit/", "var/log/anaconda/", "sos_commands/selinux/"};
  const auto starts = [path](std::string_view tree) { return path.starts_with(tree); };
  if (path.find("/vmcore") != path.npos && path.find("dmesg") == path.npos) return false;
  return (std::ranges::any_of(kTrees, starts) && std::ranges::none_of(kNever, starts)) ||
         std::ranges::find(kFiles, path) != std::end(kFiles);
}

UnpackedReport::UnpackedReport(const std::string& path, Limits limits) : directory_(private_directory()) {
  try {
    read(path, limits);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    throw;
  }
}

UnpackedReport::~UnpackedReport() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void UnpackedReport::read(const std::string& path, const Limits& limits) {
  const Libarchive* const library = libarchive();
  if (library == nullptr) throw Refused("libarchive.so.13, which unpacks " + in_quotes(path) + ", is not installed: unpack it first");
  const Reader reader(library->read_new(), library->read_free);
  library->support_filter_all(reader.get());
  library->support_format_all(reader.get());
  const int opened =
      path == "-" ? library->open_fd(reader.get(), STDIN_FILENO, kBlock) : library->open_filename(reader.get(), path.c_str(), kBlock);
  const auto why = [&] {
    const char* text = library->error_string(reader.get());
    return std::string(text != nullptr ? text : "damaged");
  };
  if (opened != Libarchive::ok) throw Refused(in_quotes(path) + " is no report that can be read: " + why());
  const Fd top(open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto leave_out = [this](std::string_view name, std::string_view reason) {
    if (unread_.size() < kMostUnread) unread_.push_back({std::string(name), std::string(reason)});
  };
  uint64_t files = 0, entries = 0, bytes = limits.bytes;
  archive_entry* entry = nullptr;
  int result = Libarchive::ok;
  while ((result = library->next_header(reader.get(), &entry)) == Libarchive::ok || result == Libarchive::warning) {
    const char* given = library->pathname(entry);
    const std::string name(without_dot(given == nullptr ? "" : given));
    if (++entries > limits.entries) return leave_out(path, "more entries than a report has: the rest is left out");
    if (library->filetype(entry) != Libarchive::regular || library->hardlink(entry) != nullptr) continue;
    if (!is_plain(name)) {
      leave_out(name, "a name that leads out of the report");
      continue;
    }
    const size_t slash = name.find('/');
    const std::string_view inside = slash == name.npos ? std::string_view(name) : std::string_view(name).substr(slash + 1);
    const bool bare = is_read(name);  // packed without a directory around it
    if (!bare && !is_read(inside)) continue;
    if (++files > limits.files) return leave_out(path, "more files than a report has: the rest is left out");
    if (root_.empty()) root_ = bare ? directory_ : directory_ + "/" + name.substr(0, slash);
    std::error_code error;
    std::filesystem::create_directories(directory_ + "/" + name.substr(0, name.rfind('/') == name.npos ? 0 : name.rfind('/')), error);
    const Fd file(openat(top.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file || !copy(*library, reader.get(), file.get(), bytes)) {
      leave_out(name, file ? "damaged, or larger than all of a report may be" : strerrordesc_np(errno));
      continue;
    }
    const timespec times[2] = {{library->mtime(entry), 0}, {library->mtime(entry), 0}};
    futimens(file.get(), times);
  }
  if (result != Libarchive::end) leave_out(path, why());
  if (root_.empty()) throw Refused(in_quotes(path) + " holds nothing that a report of a node has");
}

}  // namespace fencewatch
