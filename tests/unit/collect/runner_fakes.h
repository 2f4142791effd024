// Collectors that do what a test tells them, and a Runner of them.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "exporter/base/settings.h"
#include "exporter/collect/runner.h"

namespace fencewatch::test {

using namespace std::chrono_literals;

// Waits for a condition, with a bound that only a broken program reaches.
template <class Condition>
bool eventually(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// The rest of the line that begins with `key` in a file of /proc/self/task/<id>.
inline std::string task_line(pid_t id, const std::string& file, const std::string& key) {
  std::ifstream in("/proc/self/task/" + std::to_string(id) + "/" + file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return line.substr(key.size());
  return {};
}

inline size_t threads_named(const std::string& name) {
  size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    if (task_line(std::stoi(task.path().filename()), "status", "Name:\t") == name) ++count;
  return count;
}

class Latch {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

constexpr size_t kFakes = 3;
inline constexpr std::array<Family, kFakes> kFakeFamilies = {{{"fake_0", Type::gauge, "Begun collections.", ""},
                                                              {"fake_1", Type::gauge, "Begun collections.", ""},
                                                              {"fake_2", Type::gauge, "Begun collections.", ""}}};

struct Script {
  std::function<Status()> collect = [] { return Status{}; };
  std::function<Status(std::chrono::nanoseconds)> sample = [](std::chrono::nanoseconds) { return Status{}; };
  std::function<bool()> glance = [] { return true; };
  std::vector<CounterValue> recent;
  std::atomic<int> begun{0};
  std::atomic<int> samples{0};
  std::atomic<int> glances{0};
  std::atomic<bool> inside{false};
  std::atomic<bool> twice{false};  // two threads were in it at once
  std::atomic<bool> gone{false};   // the collector was destroyed
};

// Shared with the collectors, some of which outlive their test.
inline std::array<std::shared_ptr<Script>, kFakes> scripts;

class Fake : public Collector {
 public:
  explicit Fake(size_t index) : index_(index), script_(scripts[index]) {}
  ~Fake() override { script_->gone = true; }

  Status collect(const Node&, Page& page) override {
    const Inside inside(*script_);
    page.one(kFakeFamilies[index_], static_cast<uint64_t>(++script_->begun));
    for (const CounterValue& counter : script_->recent) page.recent(counter.counter, counter.value);
    return script_->collect();
  }
  Status sample(const Node&, std::chrono::nanoseconds elapsed) override {
    const Inside inside(*script_);
    ++script_->samples;
    return script_->sample(elapsed);
  }

  bool glance(const Node&, std::chrono::nanoseconds) override {
    const Inside inside(*script_);
    ++script_->glances;
    return script_->glance();
  }

 private:
  struct Inside {
    explicit Inside(Script& s) : script(s) {
      if (script.inside.exchange(true)) script.twice = true;
    }
    ~Inside() { script.inside = false; }
    Script& script;
  };
  const size_t index_;
  const std::shared_ptr<Script> script_;
};

template <size_t kIndex>
std::unique_ptr<Collector> make_fake(const Settings&) {
  return std::make_unique<Fake>(kIndex);
}

struct NoNode : Node {
  Status read(std::string_view path, Bytes&) const override { return Status{Code::missing}.of(path); }
  Status list(std::string_view path, Names&) const override { return Status{Code::missing}.of(path); }
  long page_size() const override { return 4096; }
};

struct Rig {
  explicit Rig(std::chrono::milliseconds deadline = 20s) {
    for (auto& script : scripts) script = std::make_shared<Script>();
    for (Spec& spec : specs) spec.deadline = deadline;
    config.enabled = {true, true, true};
  }
  Script& operator[](size_t index) { return *scripts[index]; }
  Runner& start() {
    for (const Spec& spec : specs) pointers.push_back(&spec);
    runner = std::make_unique<Runner>(pointers, config, node);
    runner->start();
    return *runner;
  }

  std::array<Spec, kFakes> specs = {{{.name = "a", .summary = "", .families = {}, .make = make_fake<0>},
                                     {.name = "b", .summary = "", .families = {}, .make = make_fake<1>},
                                     {.name = "c", .summary = "", .families = {}, .make = make_fake<2>}}};
  std::vector<const Spec*> pointers;
  Settings config;
  NoNode node;
  std::unique_ptr<Runner> runner;
};

struct Scraped {
  std::string text;
  bool good;
  std::chrono::nanoseconds took;

  // The value of a series as printed, "" if it is not shown.
  std::string operator[](const std::string& series) const {
    const size_t at = ("\n" + text).find("\n" + series + " ");
    if (at == std::string::npos) return "";
    const size_t begin = at + series.size() + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
  std::string failures(const std::string& collector, const std::string& reason) const {
    return (*this)["fencewatch_collector_failures_total{collector=\"" + collector + "\",reason=\"" + reason + "\"}"];
  }
  std::string failing(const std::string& collector, const std::string& reason) const {
    return (*this)["fencewatch_collector_failing{collector=\"" + collector + "\",reason=\"" + reason + "\"}"];
  }
  std::string up(const std::string& collector) const { return (*this)["fencewatch_collector_up{collector=\"" + collector + "\"}"]; }
  std::string available(const std::string& collector) const {
    return (*this)["fencewatch_collector_available{collector=\"" + collector + "\"}"];
  }
  double running(const std::string& collector) const {
    return std::stod((*this)["fencewatch_collector_running_seconds{collector=\"" + collector + "\"}"]);
  }
};

inline Scraped scrape(Runner& runner, Runner::Mask mask, std::chrono::nanoseconds patience = 60s) {
  Bytes out;
  const auto begin = Runner::Clock::now();
  const bool good = runner.scrape(mask, Format::text, begin + patience, out);
  return {std::string(out.view()), good, Runner::Clock::now() - begin};
}
inline Scraped scrape(Runner& runner) { return scrape(runner, runner.all()); }

}  // namespace fencewatch::test
