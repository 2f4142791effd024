#include "exporter/base/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <ctime>
#include <memory>
#include <mutex>

namespace fencewatch::log {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kQueue = 512;                         // records; about 200 KiB, which are locked in memory
constexpr std::chrono::milliseconds kPoll{250};        // how soon a blocked writer sees that it is to give up
constexpr std::chrono::milliseconds kLastWrite{1000};  // for what is queued at stop()
constexpr std::chrono::milliseconds kGiveUp{2000};     // when even the writing thread does not come back

// Decodes one character of UTF-8 off `text`. 0xFFFD, and one byte, where it is none (RFC 3629).
char32_t next_character(std::string_view& text) {
  const auto byte = [&text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  char32_t code = 0xFFFD;
  size_t taken = 1;
  if (length == 1) {
    code = first;
  } else if (length > 1 && length <= text.size()) {
    char32_t value = first & (0xFFu >> (length + 1));
    bool good = true;
    for (size_t i = 1; i < length; ++i) {
      good = good && (byte(i) & 0xC0) == 0x80;
      value = (value << 6) | (byte(i) & 0x3Fu);
    }
    const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    if (good && !overlong && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF)) code = value, taken = length;
  }
  text.remove_prefix(taken);
  return code;
}

// A quoted string that is one of JSON, of Go and of logfmt alike: nothing in a record can end its line or colour a terminal.
void quote(std::string_view text, spdlog::memory_buf_t& out) {
  const auto put = [&out](std::string_view piece) { out.append(piece.data(), piece.data() + piece.size()); };
  out.push_back('"');
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t code = next_character(text);
    const std::string_view bytes = before.substr(0, before.size() - text.size());
    if (code == '"' || code == '\\') {
      out.push_back('\\');
      put(bytes);
    } else if (code == '\n') {
      put("\\n");
    } else if (code == '\t') {
      put("\\t");
    } else if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(code));
    } else if (code == 0xFFFD) {
      put("\xEF\xBF\xBD");
    } else {
      put(bytes);
    }
  }
  out.push_back('"');
}

void time_of_day(spdlog::memory_buf_t& out) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                 utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

// Writes records to stderr as long as it takes them; after give_up_at() only what it takes at once.
class Stderr final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void begin() {
    const std::lock_guard lock(flush_mutex_);
    flushed_ = false;
    give_up_at(Clock::time_point::max());
  }
  void give_up_at(Clock::time_point when) { give_up_ = when.time_since_epoch().count(); }
  uint64_t dropped() const { return dropped_; }

  bool wait_flushed(Clock::time_point until) {
    std::unique_lock lock(flush_mutex_);
    return flush_done_.wait_until(lock, until, [this] { return flushed_; });
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& record) override {
    std::string_view text(record.payload.data(), record.payload.size());
    while (!text.empty()) {
      if (!wait_writable()) {
        ++dropped_;
        return;
      }
      // A pipe that is writable takes at least PIPE_BUF without blocking (pipe(7)).
      const ssize_t written = write(STDERR_FILENO, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
      if (written >= 0) {
        text.remove_prefix(static_cast<size_t>(written));
      } else if (errno != EINTR && errno != EAGAIN) {
        ++dropped_;
        return;
      }
    }
  }

  void flush_() override {
    const std::lock_guard lock(flush_mutex_);
    flushed_ = true;
    flush_done_.notify_all();
  }

 private:
  bool wait_writable() const {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(Clock::duration(give_up_) - Clock::now().time_since_epoch());
      pollfd fd{STDERR_FILENO, POLLOUT, 0};
      if (poll(&fd, 1, static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kPoll).count())) > 0) return true;
      if (left.count() <= 0) return false;
    }
  }

  std::atomic<Clock::rep> give_up_ = Clock::time_point::max().time_since_epoch().count();
  std::atomic<uint64_t> dropped_ = 0;
  std::mutex flush_mutex_;
  std::condition_variable flush_done_;
  bool flushed_ = false;
};

// The one log of the process. It is never destroyed: a thread that is stuck in a collector may come back and log at the very end.
struct State {
  std::shared_ptr<Stderr> sink = std::make_shared<Stderr>();
  std::shared_ptr<spdlog::logger> direct = std::make_shared<spdlog::logger>("", sink);
  std::shared_ptr<spdlog::async_logger> queued;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::mutex pool_mutex;
  uint64_t overrun = 0;
  std::atomic<spdlog::logger*> current = direct.get();  // null: stderr hangs, all is dropped
  std::atomic<uint64_t> unwritten = 0;
  std::atomic<bool> json = false;
};

State& state() {
  static State* const the_log = new State;
  return *the_log;
}

void write_record(State& log, spdlog::level::level_enum level, std::string_view level_name, std::string_view message, Fields fields) {
  spdlog::logger* const logger = log.current;
  if (logger == nullptr) {
    ++log.unwritten;
    return;
  }
  if (!logger->should_log(level)) return;
  const bool json = log.json;
  spdlog::memory_buf_t line;
  const auto put = [&line](std::string_view text) { line.append(text.data(), text.data() + text.size()); };
  put(json ? "{\"time\":\"" : "time=");
  time_of_day(line);
  put(json ? "\",\"level\":\"" : " level=");
  put(level_name);
  put(json ? "\",\"msg\":" : " msg=");
  quote(message, line);
  for (const auto& [key, value] : fields) {
    put(json ? ",\"" : " ");
    put(key);
    put(json ? "\":" : "=");
    quote(value, line);
  }
  put(json ? "}\n" : "\n");
  logger->log(level, spdlog::string_view_t(line.data(), line.size()));
}

// What cannot be written, for want of memory or because the queue has just ended, is counted.
void record(spdlog::level::level_enum level, std::string_view level_name, std::string_view message, Fields fields) noexcept {
  State& log = state();
  try {
    write_record(log, level, level_name, message, fields);
  } catch (...) {
    ++log.unwritten;
  }
}

}  // namespace

void start(std::string_view level, std::string_view format) {
  State& log = state();
  const auto threshold = level == "debug"   ? spdlog::level::debug
                         : level == "warn"  ? spdlog::level::warn
                         : level == "error" ? spdlog::level::err
                                            : spdlog::level::info;
  log.json = format == "json";
  log.direct->set_level(threshold);
  const std::lock_guard lock(log.pool_mutex);
  if (log.pool) return;
  log.sink->begin();
  log.pool = std::make_shared<spdlog::details::thread_pool>(kQueue, 1);
  log.queued = std::make_shared<spdlog::async_logger>("", log.sink, log.pool, spdlog::async_overflow_policy::overrun_oldest);
  log.queued->set_level(threshold);
  log.queued->set_error_handler([](const std::string&) {});  // a record that comes after stop()
  log.current = log.queued.get();
}

void stop() {
  State& log = state();
  const std::lock_guard lock(log.pool_mutex);
  if (!log.pool) return;
  const auto now = Clock::now();
  log.sink->give_up_at(now + kLastWrite);
  log.current = nullptr;
  log.queued->flush();
  if (!log.sink->wait_flushed(now + kGiveUp)) return;  // the thread hangs in write(2): it is left there
  log.overrun = log.pool->overrun_counter();
  log.pool.reset();
  log.current = log.direct.get();
}

void debug(std::string_view message, Fields fields) noexcept { record(spdlog::level::debug, "debug", message, fields); }
void info(std::string_view message, Fields fields) noexcept { record(spdlog::level::info, "info", message, fields); }
void warn(std::string_view message, Fields fields) noexcept { record(spdlog::level::warn, "warn", message, fields); }
void error(std::string_view message, Fields fields) noexcept { record(spdlog::level::err, "error", message, fields); }

uint64_t dropped() {
  State& log = state();
  const std::lock_guard lock(log.pool_mutex);
  return log.unwritten + log.sink->dropped() + (log.pool ? log.pool->overrun_counter() : log.overrun);
}

}  // namespace fencewatch::log
