#include "exporter/logs/state/state_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "exporter/base/log.h"
#include "exporter/memory/small_stacks.h"
#include "exporter/node/resolve.h"

namespace fencewatch {
namespace {

constexpr const char* kFile = "state";
constexpr const char* kTemporary = "state.new";
constexpr const char* kAside = "state.refused";  // what could not be used, e.g. of a newer version
constexpr size_t kStack = 64 << 10;
constexpr size_t kMaxFile = 4 << 20;  // a hundred times what it usually is

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool read_all(int fd, std::string& out) {
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    out.append(buffer, static_cast<size_t>(n));
    if (out.size() > kMaxFile) return errno = EFBIG, false;
  }
}

}  // namespace

struct StateFile::Impl {
  Impl(std::string where, std::chrono::milliseconds pause) : directory_name(std::move(where)), retry(pause) {}

  const std::string directory_name;
  const std::chrono::milliseconds retry;
  std::atomic<int64_t> saved_us{0};
  Fd directory;  // locked while open; load(), then the writing thread alone

  std::mutex mutex;
  std::condition_variable changed;
  std::string waiting;
  int64_t waiting_us = 0;
  bool writing = false, stopping = false, ended = false, refused = false;
  std::thread thread;

  Status open_directory();
  Status read(std::string& out);
  Status replace(std::string_view text);
  Status write(std::string_view text);
  void run() noexcept;
};

Status StateFile::Impl::open_directory() {
  std::error_code error;
  std::filesystem::create_directories(directory_name, error);  // what is wrong, if anything is, open tells
  directory = Fd(open(directory_name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fault(errno == ENOENT && error ? error.value() : errno, "--state.dir");
  // Without a lock for other reasons (a network file system) nobody else is likely to be there.
  if (flock(directory.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    directory = Fd();
    return Status{Code::refused, 0, "--state.dir", "another process keeps its state there"};
  }
  return {};
}

Status StateFile::Impl::read(std::string& out) {
  const Fd file(openat(directory.get(), kFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file && read_all(file.get(), out)) return {};
  return errno == EFBIG ? Status{Code::limit, 0, kFile, "larger than 4 MiB"} : fault(errno, kFile);
}

Status StateFile::Impl::replace(std::string_view text) {
  const int at = directory.get();
  {
    unlinkat(at, kTemporary, 0);  // of a process that was killed
    const Fd file(openat(at, kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!file) return fault(errno, kTemporary);
    if (!write_all(file.get(), text) || fsync(file.get()) != 0) {
      const Status status = fault(errno, kTemporary);
      unlinkat(at, kTemporary, 0);
      return status;
    }
  }
  if (renameat(at, kTemporary, at, kFile) != 0) return fault(errno, kFile);
  return fsync(at) == 0 ? Status{} : fault(errno, "--state.dir");
}

Status StateFile::Impl::write(std::string_view text) {
  if (!directory)
    if (const Status status = open_directory(); !status) return status;
  const Status status = replace(text);
  if (!status) directory = Fd();  // it may have been removed, or another disk mounted over it
  return status;
}

void StateFile::Impl::run() noexcept {
  bool failed = false;
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return !waiting.empty() || stopping; });
    if (waiting.empty()) break;
    std::string text = std::exchange(waiting, {});
    const int64_t time_us = waiting_us;
    writing = true;
    lock.unlock();
    const Status status = write(text);
    if (status) saved_us = time_us;
    if (!status && !failed)
      log::warn("state is not kept: after a restart events may be counted anew or be missed",
                {{"directory", directory_name}, {"file", status.file}, {"reason", status.text}});
    if (status && failed) log::info("state is kept again", {{"directory", directory_name}});
    failed = !status;
    lock.lock();
    writing = false;
    changed.notify_all();
    if (status) continue;
    if (stopping) break;
    if (waiting.empty()) waiting = std::move(text), waiting_us = time_us;
    changed.wait_for(lock, retry, [this] { return stopping; });
  }
  ended = true;
  changed.notify_all();
}

StateFile::StateFile(std::string directory, std::chrono::milliseconds retry) : impl_(std::make_shared<Impl>(std::move(directory), retry)) {}

StateFile::~StateFile() { stop(); }

Status StateFile::load(Snapshot& out) {
  out = {};
  Status status = impl_->open_directory();
  impl_->refused = status.code == Code::refused;
  std::string text;
  if (status) status = impl_->read(text);
  if (status) status = from_text(text, out).of(kFile);
  if (status.code == Code::malformed || status.code == Code::limit) renameat(impl_->directory.get(), kFile, impl_->directory.get(), kAside);
  if (status) {
    struct stat found {};
    if (fstatat(impl_->directory.get(), kFile, &found, 0) == 0)
      impl_->saved_us = found.st_mtim.tv_sec * 1'000'000 + found.st_mtim.tv_nsec / 1000;
  }
  return status;
}

void StateFile::start() {
  const SmallStacks small(kStack);
  impl_->thread = std::thread([impl = impl_] {
    pthread_setname_np(pthread_self(), "state");
    impl->run();
  });
}

void StateFile::put(std::string text, int64_t time_us) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->refused) return;
  impl_->waiting = std::move(text);
  impl_->waiting_us = time_us;
  impl_->changed.notify_all();
}

bool StateFile::busy() const {
  const std::lock_guard lock(impl_->mutex);
  return !impl_->waiting.empty() || impl_->writing;
}

bool StateFile::stop(std::chrono::milliseconds patience) {
  if (!impl_->thread.joinable()) return true;
  std::unique_lock lock(impl_->mutex);
  impl_->stopping = true;
  impl_->changed.notify_all();
  const bool ended = impl_->changed.wait_for(lock, patience, [this] { return impl_->ended; });
  lock.unlock();
  ended ? impl_->thread.join() : impl_->thread.detach();
  return ended;
}

int64_t StateFile::saved_us() const { return impl_->saved_us; }

}  // namespace fencewatch
