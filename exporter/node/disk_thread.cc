#include "exporter/node/disk_thread.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <thread>
#include <utility>

#include "exporter/memory/small_stacks.h"

namespace fencewatch {
namespace {

constexpr size_t kStack = 128 << 10;
constexpr std::chrono::seconds kStopWait{1};

enum class Kind { text, names, work };

bool on_disk(std::string_view path) {
  const auto below = [path](std::string_view root) {
    return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
  };
  return !below("proc") && !below("sys");
}

// What one call came to, and whether it is asked for again.
struct Answer {
  Answer(Kind k, std::string_view n) : kind(k), name(n) {}
  const Kind kind;
  const std::string name;
  std::function<void()> work;
  uint64_t asked = 0, served = 0;  // numbers of requests; all up to `served` began before what is held was read
  DiskThread::Clock::time_point read_at;
  Status status;
  Bytes bytes;
  Names names;
  bool waiting() const { return served < asked; }
};

}  // namespace

struct DiskThread::Shared {
  explicit Shared(std::chrono::milliseconds p) : patience(p) { answers.reserve(kMost); }

  const std::chrono::milliseconds patience;
  std::mutex mutex;  // nothing is read, and little allocated, while it is held: real-time threads wait for it
  std::condition_variable more, done, gone;
  std::vector<std::shared_ptr<Answer>> answers;
  std::optional<Clock::time_point> busy_since;  // something has been asked for, or is being read, since
  bool running = false;                         // the thread
  bool stopping = false;

  std::shared_ptr<Answer> find(Kind kind, std::string_view name);
  bool serve(Answer& answer, std::unique_lock<std::mutex>& lock);
  template <class Take>
  Status ask(Kind kind, std::string_view path, Take&& take);
  void run(const Node& node) noexcept;
};

std::shared_ptr<Answer> DiskThread::Shared::find(Kind kind, std::string_view name) {
  const auto known = std::find_if(answers.begin(), answers.end(), [&](const auto& a) { return a->kind == kind && a->name == name; });
  if (known != answers.end()) return *known;
  if (answers.size() == kMost) {
    const auto idle = std::find_if(answers.begin(), answers.end(), [](const auto& a) { return !a->waiting() && a->kind != Kind::work; });
    if (idle == answers.end()) return nullptr;
    answers.erase(idle);
  }
  return answers.emplace_back(std::make_shared<Answer>(kind, name));
}

// Waits for what was asked for, unless the thread hangs. True: what is held was read since.
bool DiskThread::Shared::serve(Answer& answer, std::unique_lock<std::mutex>& lock) {
  const uint64_t number = answer.asked;
  if (!busy_since) busy_since = Clock::now();
  more.notify_one();
  done.wait_until(lock, *busy_since + patience, [&] { return answer.served >= number || stopping; });
  return answer.served >= number;
}

template <class Take>
Status DiskThread::Shared::ask(Kind kind, std::string_view path, Take&& take) {
  constexpr Status hangs{Code::stuck, 0, {}, "the disk does not answer"};
  std::unique_lock lock(mutex);
  const std::shared_ptr<Answer> answer = find(kind, path);
  if (!answer) return hangs.of(path);
  ++answer->asked;
  const bool fresh = serve(*answer, lock);
  if (!fresh && (answer->served == 0 || Clock::now() - answer->read_at > kStale)) return hangs.of(path);
  take(*answer);
  return answer->status.of(path);
}

void DiskThread::Shared::run(const Node& node) noexcept {
  Bytes bytes;
  Names names;
  std::unique_lock lock(mutex);
  while (!stopping) {
    const auto next = std::find_if(answers.begin(), answers.end(), [](const auto& a) { return a->waiting(); });
    if (next == answers.end()) {
      busy_since.reset();
      more.wait(lock);
      continue;
    }
    const std::shared_ptr<Answer> answer = *next;
    const uint64_t number = answer->asked;
    const Clock::time_point began = Clock::now();
    busy_since = began;
    Status status;
    lock.unlock();
    try {
      switch (answer->kind) {
        case Kind::text:
          status = node.read(answer->name, bytes);
          break;
        case Kind::names:
          status = node.list(answer->name, names);
          break;
        case Kind::work:
          answer->work();
          break;
      }
    } catch (const std::exception&) {
      status = {Code::internal, 0, {}, "no memory to read it"};
    }
    lock.lock();
    answer->served = number;
    answer->read_at = began;
    answer->status = status;
    std::swap(answer->bytes, bytes);
    std::swap(answer->names, names);
    // The last to be served next time, so that none waits for ever.
    const auto place = std::find(answers.begin(), answers.end(), answer);
    if (place != answers.end()) std::rotate(place, place + 1, answers.end());
    done.notify_all();
  }
  running = false;
  gone.notify_all();
}

DiskThread::DiskThread(const Node& node, std::chrono::milliseconds patience) : node_(node), shared_(std::make_shared<Shared>(patience)) {}

DiskThread::~DiskThread() { stop(); }

void DiskThread::start() {
  started_ = true;
  const SmallStacks stacks(kStack);
  const std::lock_guard lock(shared_->mutex);
  std::thread([shared = shared_, &node = node_] {
    pthread_setname_np(pthread_self(), "disk");
    shared->run(node);
  }).detach();
  shared_->running = true;
}

bool DiskThread::stop() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->more.notify_all();
  shared_->done.notify_all();
  return shared_->gone.wait_for(lock, kStopWait, [this] { return !shared_->running; });
}

// Before start() nobody else can read.
Status DiskThread::read(std::string_view path, Bytes& out) const {
  if (!on_disk(path) || !started_) return node_.read(path, out);
  out.clear();
  return shared_->ask(Kind::text, path, [&out](const Answer& held) { out.append(held.bytes); });
}

Status DiskThread::list(std::string_view dir, Names& out) const {
  if (!on_disk(dir) || !started_) return node_.list(dir, out);
  out.clear();
  return shared_->ask(Kind::names, dir, [&out](const Answer& held) { out = held.names; });
}

bool DiskThread::aside(std::string_view name, const std::function<void()>& work) const {
  if (!started_) return node_.aside(name, work);
  std::unique_lock lock(shared_->mutex);
  const std::shared_ptr<Answer> answer = shared_->find(Kind::work, name);
  if (!answer) return false;
  if (answer->asked == 0) answer->work = work, answer->asked = 1;
  if (!shared_->serve(*answer, lock)) return false;
  std::erase(shared_->answers, answer);
  return true;
}

std::chrono::nanoseconds DiskThread::hanging() const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->busy_since) return {};
  const std::chrono::nanoseconds since = Clock::now() - *shared_->busy_since;
  return since > shared_->patience ? since : std::chrono::nanoseconds{};
}

}  // namespace fencewatch
