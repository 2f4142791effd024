#include "exporter/logs/source_threads.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "exporter/memory/small_stacks.h"

namespace fencewatch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kStack = 128 << 10;

// What a source has told, for later.
class Told final : public Sink {
 public:
  void line(const Line& line) override {
    entries_.push_back({line, {}, 0, text_.size()});
    text_.append(line.text).append(line.identifier);
  }
  void lost(Channel channel, std::string_view reason, uint64_t lines) override {
    entries_.push_back({{channel, {}, {}}, reason, lines, text_.size()});
  }
  void rotated() override { ++rotations_; }
  void truncated() override { ++truncations_; }

  // Forgets what it has told.
  void tell(Sink& sink) {
    for (Entry& entry : entries_) {
      if (entry.lost > 0) {
        sink.lost(entry.line.channel, entry.reason, entry.lost);
        continue;
      }
      const std::string_view text(text_);
      entry.line.text = text.substr(entry.at, entry.line.text.size());
      entry.line.identifier = text.substr(entry.at + entry.line.text.size(), entry.line.identifier.size());
      sink.line(entry.line);
    }
    for (; rotations_ > 0; --rotations_) sink.rotated();
    for (; truncations_ > 0; --truncations_) sink.truncated();
    entries_.clear();
    text_.clear();
  }

 private:
  struct Entry {
    Line line;                // its texts are those of text_, from `at` on
    std::string_view reason;  // a literal
    uint64_t lost;
    size_t at;
  };
  std::vector<Entry> entries_;
  std::string text_;
  uint64_t rotations_ = 0, truncations_ = 0;
};

// A source and the call that is being made to it. While `busy` it belongs to the thread that makes the call.
struct Called {
  Called(std::string n, SourceThreads::Make m) : name(std::move(n)), make(std::move(m)) {}

  const std::string name;
  const SourceThreads::Make make;
  std::unique_ptr<Source> source;
  std::function<void(Called&)> call;
  bool waiting = false, busy = false;  // with the mutex; busy from the request to the end
  Clock::time_point since;

  // What the call came to.
  Status status;
  bool more = false, speaks = true;
  Told told;
  // Of the source, after it.
  int fd = -1;
  int64_t written_us = 0, unread = -1;
  std::string position;

  void run() noexcept {
    try {
      call(*this);
      if (!source) return;
      fd = source->fd();
      written_us = source->written_us();
      unread = source->unread();
      position = source->position();
    } catch (const std::exception&) {
      status = {Code::internal, 0, {}, "an exception in the source"};
    }
  }
};

}  // namespace

struct SourceThreads::Shared {
  Shared(std::chrono::milliseconds p, std::chrono::milliseconds s) : patience(p), stuck(s) {}

  const std::chrono::milliseconds patience, stuck;
  std::mutex mutex;
  std::condition_variable asked, done;
  std::list<std::shared_ptr<Called>> calls;  // that wait or are being made
  int threads = 0;
  bool started = false, stopping = false;

  bool wait(Called& called, std::unique_lock<std::mutex>& lock);
  bool make(const std::shared_ptr<Called>& called, std::function<void(Called&)> call);
  bool hangs(const std::string& name);
  void run() noexcept;

  class OwnThread;
};

bool SourceThreads::Shared::wait(Called& called, std::unique_lock<std::mutex>& lock) {
  return done.wait_until(lock, called.since + patience, [&] { return !called.busy; });
}

// True: it is back.
bool SourceThreads::Shared::make(const std::shared_ptr<Called>& called, std::function<void(Called&)> call) {
  called->call = std::move(call);
  called->status = {};
  std::unique_lock lock(mutex);
  if (!started) {
    lock.unlock();
    called->run();
    return true;
  }
  called->since = Clock::now();
  called->busy = called->waiting = true;
  calls.push_back(called);
  asked.notify_one();
  return wait(*called, lock);
}

bool SourceThreads::Shared::hangs(const std::string& name) {
  const std::lock_guard lock(mutex);
  return std::ranges::any_of(calls, [&](const auto& called) { return called->name == name; });
}

void SourceThreads::Shared::run() noexcept {
  std::unique_lock lock(mutex);
  while (!stopping) {
    const auto next = std::ranges::find_if(calls, [](const auto& called) { return called->waiting; });
    if (next == calls.end()) {
      asked.wait(lock);
      continue;
    }
    std::shared_ptr<Called> called = *next;
    called->waiting = false;
    lock.unlock();
    called->run();
    lock.lock();
    calls.erase(next);
    called->busy = false;
    done.notify_all();
    lock.unlock();
    called.reset();  // perhaps the last to have it
    lock.lock();
  }
  --threads;
  done.notify_all();
}

class SourceThreads::Shared::OwnThread final : public Source {
 public:
  OwnThread(std::shared_ptr<Shared> threads, std::string name, Make make)
      : threads_(std::move(threads)), called_(std::make_shared<Called>(std::move(name), std::move(make))) {}

  std::string_view name() const override { return called_->name; }

  Status open(std::string_view position) override {
    if (threads_->hangs(called_->name)) return stuck();
    reached_ = position;
    const bool back = call([position = std::string(position)](Called& called) {
      called.source = called.make();
      called.status = called.source ? called.source->open(position) : Status{Code::missing};
    });
    return back ? called_->status : stuck();
  }

  Status read(Sink& sink, size_t max, bool& more) override {
    more = false;
    if (late_ ? !is_back() : !call([max](Called& called) { called.status = called.source->read(called.told, max, called.more); }))
      return Clock::now() - called_->since < threads_->stuck ? Status{} : stuck();
    called_->told.tell(sink);
    more = std::exchange(called_->more, false);
    return called_->status;
  }

  bool speaks(Channel channel) const override {
    return late_ || !call([channel](Called& called) { called.speaks = called.source->speaks(channel); }) || called_->speaks;
  }

  // Nobody is to be woken by what a late call does not take.
  int fd() const override { return late_ ? -1 : called_->fd; }
  int64_t written_us() const override { return written_us_; }
  int64_t unread() const override { return unread_; }
  bool late() const override { return late_; }
  std::string position() const override { return reached_; }

 private:
  Status stuck() const { return {Code::stuck, 0, called_->name, "its storage does not answer"}; }

  bool call(std::function<void(Called&)> what) const {
    late_ = !threads_->make(called_, std::move(what));
    if (!late_) remember();
    return !late_;
  }
  bool is_back() const {
    const std::lock_guard lock(threads_->mutex);
    late_ = called_->busy;
    if (!late_) remember();
    return !late_;
  }
  void remember() const {
    reached_ = called_->position;
    written_us_ = called_->written_us;
    unread_ = called_->unread;
  }

  const std::shared_ptr<Shared> threads_;
  const std::shared_ptr<Called> called_;
  mutable bool late_ = false;
  // As the last call that came back left them.
  mutable std::string reached_;
  mutable int64_t written_us_ = 0, unread_ = -1;
};

SourceThreads::SourceThreads(std::chrono::milliseconds patience, std::chrono::milliseconds stuck)
    : shared_(std::make_shared<Shared>(patience, stuck)) {}

SourceThreads::~SourceThreads() { stop(std::chrono::seconds(0)); }

void SourceThreads::start() {
  const SmallStacks stacks(kStack);
  const std::lock_guard lock(shared_->mutex);
  for (; shared_->threads < kThreads; ++shared_->threads) {
    std::thread([shared = shared_] {
      pthread_setname_np(pthread_self(), "log-source");
      shared->run();
    }).detach();
  }
  shared_->started = true;
}

bool SourceThreads::stop(std::chrono::milliseconds patience) {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->asked.notify_all();
  return shared_->done.wait_for(lock, patience, [this] { return shared_->threads == 0; });
}

std::unique_ptr<Source> SourceThreads::source(std::string name, Make make) {
  return std::make_unique<Shared::OwnThread>(shared_, std::move(name), std::move(make));
}

}  // namespace fencewatch
