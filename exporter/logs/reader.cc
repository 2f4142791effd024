#include "exporter/logs/reader.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "exporter/base/log.h"
#include "exporter/collect/counts.h"
#include "exporter/logs/log_stats.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/source_threads.h"
#include "exporter/logs/state/state_file.h"
#include "exporter/memory/locking.h"
#include "exporter/node/resolve.h"

namespace fencewatch {
namespace {

using Clock = Channels::Clock;
using namespace std::chrono_literals;

constexpr size_t kBatch = 1000;        // lines of one source before the others have their turn
constexpr auto kLook = 1s;             // for sources that cannot be waited for
constexpr auto kPace = 10ms;           // between two looks, so that a chatty source does not wake us for each line
constexpr auto kPositionsEvery = 30s;  // positions alone are saved more rarely: what is read again until then counts nothing

int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::vector<Collector*> collectors_of(const std::vector<LogReader::Listener>& listeners) {
  std::vector<Collector*> collectors;
  collectors.reserve(listeners.size());
  for (const LogReader::Listener& listener : listeners) collectors.push_back(listener.collector);
  return collectors;
}

// But for the kernel's ring, which never hangs.
LogSources on_own_threads(LogSources sources, SourceThreads& threads) {
  sources.make = [make = std::move(sources.make), &threads](const std::string& name) {
    return name == kKmsg ? make(name) : threads.source(name, [make, name] { return make(name); });
  };
  return sources;
}

}  // namespace

struct LogReader::Impl {
  Impl(Setup s, std::vector<Listener> l);

  Collector* find(std::string_view name) const;
  void restore();
  void step(bool& more);
  void tell_faults();
  void save_if_due(Clock::time_point now);
  void wait();
  void run() noexcept;

  const std::vector<Listener> listeners;
  const std::chrono::milliseconds save_every;
  const std::function<void(size_t, Code, bool)> fault;
  SourceThreads threads;
  Matcher matcher;
  Channels channels;
  std::unique_ptr<StateFile> state;  // null: nothing is kept
  Snapshot absent;                   // what is kept for collectors that are switched off
  std::array<Code, kAllChannels> told{};
  std::string saved;
  Clock::time_point saved_at{};
  bool dirty = true;
  bool woken = false;
  std::vector<pollfd> descriptors;

  const Fd wake;
  std::thread thread;
  std::atomic<bool> stopping = false;
  std::mutex mutex;  // guards what follows
  std::condition_variable ended_changed;
  bool ended = false;
  LogStats shown;
  Clock::time_point busy_since = Clock::time_point::max();
};

LogReader::Impl::Impl(Setup s, std::vector<Listener> l)
    : listeners(std::move(l)),
      save_every(s.save_every),
      fault(std::move(s.fault)),
      matcher(collectors_of(listeners)),
      channels(on_own_threads(std::move(s.sources), threads), std::move(s.boot), matcher, wall_us),
      state(s.state_directory.empty() ? nullptr : std::make_unique<StateFile>(s.state_directory)),
      wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake) throw std::system_error(errno, std::generic_category(), "eventfd");
  if (state) restore();
  shown = channels.numbers();
}

Collector* LogReader::Impl::find(std::string_view name) const {
  const auto found = std::find_if(listeners.begin(), listeners.end(), [name](const Listener& listener) { return listener.name == name; });
  return found == listeners.end() ? nullptr : found->collector;
}

void LogReader::Impl::restore() {
  Snapshot snapshot;
  const Status status = state->load(snapshot);
  if (status.code == Code::missing)
    return log::info("no state yet: counting begins with this boot for kmsg and the journal, and for files with their end");
  if (!status)
    log::warn(
        "the state cannot be used: counting begins anew; if it is damaged, too large or of a newer version it is kept as state.refused",
        {{"file", status.file}, {"reason", name(status.code)}, {"text", status.text}});
  if (status.code == Code::refused) state.reset();
  if (!status) return;
  channels.restore(snapshot);
  for (auto& [name, memory] : snapshot.memories) {
    if (Collector* const collector = find(name))
      collector->remember(memory);
    else
      absent.memories.emplace_back(std::move(name), std::move(memory));
  }
  for (auto& [name, line] : snapshot.counts) {
    Collector* const collector = find(name);
    Counts* const counts = collector ? collector->counts() : nullptr;
    if (!counts)
      absent.counts.emplace_back(std::move(name), std::move(line));
    else if (!counts->restore(line))
      log::warn("what was counted before is not known any more", {{"collector", name}, {"line", line}});
  }
}

void LogReader::Impl::step(bool& more) {
  {
    const std::lock_guard lock(mutex);
    busy_since = Clock::now();
  }
  more = channels.step(Clock::now(), kBatch);
  dirty = channels.changed() || dirty;
  tell_faults();
  const std::lock_guard lock(mutex);
  busy_since = Clock::time_point::max();
  shown = channels.numbers();
}

void LogReader::Impl::tell_faults() {
  const std::array<Code, kAllChannels>& faults = channels.numbers().faults;
  if (faults == told) return;
  told = faults;
  for (size_t i = 0; i < listeners.size(); ++i) {
    Code first = Code::ok;
    bool all = true;
    for (const Pattern& pattern : listeners[i].collector->patterns()) {
      const Code code = faults[static_cast<size_t>(pattern.channel)];
      if (first == Code::ok) first = code;
      all = all && code != Code::ok;
    }
    fault(i, first, all);
  }
}

// Positions and counts are of the same instant: between two steps.
void LogReader::Impl::save_if_due(Clock::time_point now) {
  if (!state || now - saved_at < (dirty ? Clock::duration(save_every) : Clock::duration(kPositionsEvery))) return;
  Snapshot snapshot = absent;
  if (!channels.save(snapshot)) return;
  for (const Listener& listener : listeners) {
    if (const Counts* counts = listener.collector->counts())
      counts->save([&](std::string_view line) { snapshot.counts.emplace_back(listener.name, line); });
    if (std::string memory = listener.collector->memory(); !memory.empty())
      snapshot.memories.emplace_back(listener.name, std::move(memory));
  }
  std::string text = to_text(snapshot);
  dirty = false;
  saved_at = now;
  if (text == saved) return;
  saved = text;
  state->put(std::move(text), wall_us());
}

void LogReader::Impl::wait() {
  descriptors.assign(1, {wake.get(), POLLIN, 0});
  if (woken) poll(descriptors.data(), 1, static_cast<int>(std::chrono::milliseconds(kPace).count()));
  channels.add_descriptors(descriptors);
  auto timeout = std::chrono::milliseconds(kLook);
  if (dirty && state) timeout = std::min(timeout, save_every);
  woken = poll(descriptors.data(), descriptors.size(), static_cast<int>(timeout.count())) > 0;
}

void LogReader::Impl::run() noexcept {
  memory::wait_until_settled();  // what is opened then is locked as it is used
  while (!stopping) {
    bool more = false;
    try {
      step(more);
      save_if_due(Clock::now());
    } catch (const std::exception& e) {
      more = false;  // no memory: nothing else throws here
      log::error("reading of logs failed", {{"text", e.what()}});
    }
    if (!more && !stopping) wait();
  }
  try {
    save_if_due(Clock::time_point::max());
  } catch (const std::exception& e) {
    log::error("the state was not saved at the end", {{"text", e.what()}});
  }
  const std::lock_guard lock(mutex);
  ended = true;
  ended_changed.notify_all();
}

LogReader::LogReader(Setup setup, std::vector<Listener> listeners)
    : impl_(std::make_shared<Impl>(std::move(setup), std::move(listeners))) {}

LogReader::~LogReader() { stop(); }

void LogReader::read_all() {
  for (bool more = true; more;) impl_->step(more);
}

void LogReader::start() {
  if (impl_->state) impl_->state->start();
  impl_->threads.start();
  impl_->thread = std::thread([impl = impl_] {
    pthread_setname_np(pthread_self(), "logs");
    impl->run();
  });
}

bool LogReader::stop(std::chrono::milliseconds patience) {
  Impl& impl = *impl_;
  if (!impl.thread.joinable()) return true;
  impl.stopping = true;
  eventfd_write(impl.wake.get(), 1);
  std::unique_lock lock(impl.mutex);
  const bool ended = impl.ended_changed.wait_for(lock, patience, [&impl] { return impl.ended; });
  lock.unlock();
  ended ? impl.thread.join() : impl.thread.detach();
  const bool gone = impl.threads.stop(patience);
  return gone && (!impl.state || !ended || impl.state->stop(patience)) && ended;
}

void LogReader::write(Page& page) const {
  const std::lock_guard lock(impl_->mutex);
  LogStats& shown = impl_->shown;
  const double lag = shown.lag_seconds;
  const Clock::time_point now = Clock::now();
  if (now > impl_->busy_since) shown.lag_seconds = std::max(lag, std::chrono::duration<double>(now - impl_->busy_since).count());
  fencewatch::write(shown, page);
  shown.lag_seconds = lag;
  if (impl_->state) write_saved(impl_->state->saved_us(), page);
}

std::span<const Family> LogReader::families() { return log_families(); }

}  // namespace fencewatch
