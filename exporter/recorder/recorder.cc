#include "exporter/recorder/recorder.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <exception>
#include <mutex>
#include <thread>

#include "exporter/base/log.h"
#include "exporter/base/settings.h"
#include "exporter/collect/record_queue.h"
#include "exporter/collect/runner.h"
#include "exporter/memory/small_stacks.h"
#include "exporter/recorder/last_boot.h"
#include "exporter/recorder/ring_file.h"

namespace fencewatch {
namespace {

using namespace std::chrono_literals;

constexpr size_t kStack = 128 << 10;
constexpr int64_t kQuietMs = 5000;  // for so long records wait for company while nothing happens
constexpr std::chrono::seconds kRetry{10}, kStopWait{2};

enum { kRecording, kRecords, kLost, kFaults, kLast, kBehind, kBytes, kBootEnd, kBootMinutes };
constexpr Family kFamilies[] = {
    {"fencewatch_recorder_recording", Type::gauge, "1 if the last write to the recorder's ring in the state directory worked.", ""},
    {"fencewatch_recorder_records_total", Type::counter, "Records that are on the disk, one a second.", ""},
    {"fencewatch_recorder_lost_records_total", Type::counter, "Records for which the disk was too slow, or that could not be written.", ""},
    {"fencewatch_recorder_write_failures_total", Type::counter, "Writes to the recorder's ring that failed.", ""},
    {"fencewatch_recorder_last_record_timestamp_seconds", Type::gauge,
     "When the latest record that is on the disk was made, in seconds since 1970; absent before the first.", ""},
    {"fencewatch_recorder_behind_seconds", Type::gauge,
     "Age of the oldest record that is not on the disk yet, 0 if there is none: a few seconds, and more where the disk hangs.", ""},
    {"fencewatch_recorder_ring_bytes", Type::gauge, "Size of the recorder's ring, which does not grow.", ""},
    {"fencewatch_previous_boot_last_record_timestamp_seconds", Type::gauge,
     "When the last record of the boot before this one was made, in seconds since 1970: until then at least it was alive; absent where "
     "there "
     "is none.",
     ""},
    {"fencewatch_previous_boot_last_minutes", Type::gauge,
     "From the recorder, of the last five minutes of the boot before this one: of what is counted (quantity *_total) the stat `increase`, "
     "of "
     "the rest `last`, `lowest` and `highest`.",
     "quantity,stat"},
};

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

struct Recorder::Impl {
  Impl(const Settings& settings, const std::string& boot_id)
      : directory(settings.state_dir),
        blocks(static_cast<uint64_t>(settings.recorder_minutes) * 60),
        boot(bytes_of_boot(boot_id)),
        block(boot) {}

  void run() noexcept;
  bool open();
  void take(const Record& record);
  void write();
  void tell(const Status& status);
  void show(Page& page);

  const std::string directory;
  const uint64_t blocks;
  const std::array<char, 16> boot;
  RecordQueue queue;

  // Of the thread.
  RingFile file;
  BlockWriter block;
  Code told = Code::ok;

  std::atomic<bool> recording{false}, stopping{false};
  std::atomic<uint64_t> written{0}, dropped{0}, failures{0}, bytes{0};
  std::atomic<int64_t> last_ms{0}, waiting_since_ms{0};  // 0: none

  std::mutex mutex;  // guards what follows; nothing is read or written while it is held
  LastBoot last_boot;
  bool running = false;
  std::condition_variable gone;
};

void Recorder::Impl::tell(const Status& status) {
  recording = bool(status);
  if (std::exchange(told, status.code) == status.code) return;
  if (status)
    log::info("recording again", {{"directory", directory}});
  else
    log::warn("not recording", {{"directory", directory}, {"reason", status.text}});
}

bool Recorder::Impl::open() {
  const Status status = file.open(directory, blocks);
  tell(status);
  if (!status) return false;
  bytes = file.bytes();
  log::info("recording", {{"directory", directory},
                          {"bytes", std::to_string(file.bytes())},
                          {"page_cache", file.past_the_page_cache() ? "passed by" : "used: the file system has no O_DIRECT"}});
  LastBoot found;
  file.each_of_boot_before(boot, [&found](const RingBlock& read) { return found.add(read); });
  const std::lock_guard lock(mutex);
  last_boot = std::move(found);
  return true;
}

void Recorder::Impl::write() {
  if (block.empty()) return;
  const size_t rows = block.rows();
  const Status status = file.append(block);
  tell(status);
  if (status)
    written += rows;
  else
    dropped += rows, ++failures;
  waiting_since_ms = 0;
}

void Recorder::Impl::take(const Record& record) {
  if (!block.add(record)) {
    write();
    block.add(record);  // into an empty one something always goes
  }
  if (block.rows() == 1) waiting_since_ms = record.time_ms();
  const int64_t age = record.time_ms() - block.first_ms();
  const bool due = record.is_distress() || age >= kQuietMs || age < 0;  // the clock was set back
  const int64_t made = record.time_ms();
  if (!due) return;
  write();
  if (recording) last_ms = made;
}

void Recorder::Impl::run() noexcept {
  try {
    auto next_attempt = std::chrono::steady_clock::time_point{};
    while (!stopping) {
      if (!file.is_open() && std::chrono::steady_clock::now() >= next_attempt) {
        if (!open()) next_attempt = std::chrono::steady_clock::now() + kRetry;
        if (told == Code::refused) break;  // the other has the directory
      }
      const Record* const record = queue.front(1s);
      if (record == nullptr) continue;
      if (file.is_open())
        take(*record);
      else
        ++dropped;
      queue.drop();
    }
    if (file.is_open()) write();
  } catch (const std::exception&) {
    recording = false;
  }
  const std::lock_guard lock(mutex);
  running = false;
  gone.notify_all();
}

void Recorder::Impl::show(Page& page) {
  page.one(kFamilies[kRecording], uint64_t{recording});
  page.one(kFamilies[kRecords], written.load());
  page.one(kFamilies[kLost], dropped + queue.lost());
  page.one(kFamilies[kFaults], failures.load());
  if (const int64_t last = last_ms) page.one(kFamilies[kLast], static_cast<double>(last) / 1e3);
  const int64_t since = waiting_since_ms;
  page.one(kFamilies[kBehind], since == 0 ? 0.0 : static_cast<double>(std::max<int64_t>(0, now_ms() - since)) / 1e3);
  page.one(kFamilies[kBytes], bytes.load());
  const std::lock_guard lock(mutex);
  Recorder::write(last_boot, page);
}

void Recorder::write(const LastBoot& last_boot, Page& page) {
  if (!last_boot.last_ms()) return;
  page.one(kFamilies[kBootEnd], static_cast<double>(*last_boot.last_ms()) / 1e3);
  page.begin(kFamilies[kBootMinutes]);
  last_boot.each([&page](std::string_view quantity, std::string_view stat, int64_t value) {
    page.sample({{"quantity", quantity}, {"stat", stat}}, static_cast<double>(value));
  });
}

Recorder::Recorder(const Settings& settings, const std::string& boot_id, Runner& runner)
    : impl_(std::make_shared<Impl>(settings, boot_id)) {
  runner.record_into(std::shared_ptr<RecordQueue>(impl_, &impl_->queue));
  runner.also([impl = impl_](Page& page) { impl->show(page); });
}

Recorder::~Recorder() { stop(); }

void Recorder::start() {
  const SmallStacks stacks(kStack);
  const std::lock_guard lock(impl_->mutex);
  try {
    std::thread([impl = impl_] {
      pthread_setname_np(pthread_self(), "record");
      impl->run();
    }).detach();
    impl_->running = true;
  } catch (const std::exception&) {
    log::warn("the recording thread could not be made");
  }
}

bool Recorder::stop() {
  impl_->stopping = true;
  impl_->queue.wake();
  std::unique_lock lock(impl_->mutex);
  return impl_->gone.wait_for(lock, kStopWait, [this] { return !impl_->running; });
}

std::span<const Family> Recorder::families() { return kFamilies; }

}  // namespace fencewatch
