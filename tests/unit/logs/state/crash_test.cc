// kill -9 at random moments: nothing is counted twice, nothing that is still in the log is lost.
//
// The rounds fork, which only a process with a single thread may do safely: they run in a process of their own, this program again with
// the hidden test case.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "exporter/base/scan.h"
#include "exporter/collect/counts.h"
#include "exporter/logs/reader.h"
#include "exporter/logs/state/state_file.h"
#include "tests/unit/logs/fakes.h"
#include "tests/unit/tree.h"

namespace fencewatch {
namespace {

using namespace std::chrono_literals;

constexpr int kRounds = 250;
constexpr const char* kDirectory = "FENCEWATCH_CRASH_TEST";  // of the hidden test case's files

constexpr Family kFamilies[] = {{"fencewatch_test_events_total", Type::counter, "Events.", ""},
                                {"fencewatch_test_numbers_total", Type::counter, "The sum of their numbers.", ""}};

class Adding : public Collector {
 public:
  Adding() : events(counts_.counter(kFamilies[0])), numbers(counts_.counter(kFamilies[1])) {}
  Status collect(const Node&, Page&) override { return {}; }
  std::span<const Pattern> patterns() const override { return {&pattern_, 1}; }
  void on_event(const Match& match) override {
    double number = 0;
    scan::number(match.groups[0], number);
    events.Increment();
    numbers.Increment(number);
  }
  Counts* counts() override { return &counts_; }

 private:
  Pattern pattern_{Channel::kernel, "event (\\d+)$", "event 1"};
  Counts counts_{kFamilies};

 public:
  prometheus::Counter& events;
  prometheus::Counter& numbers;
};

// The whole lines of a file from an offset on.
class Lines : public Source {
 public:
  explicit Lines(std::string path) : path_(std::move(path)) {}
  std::string_view name() const override { return "lines"; }
  Status open(std::string_view position) override {
    at_ = 0;
    scan::number(position, at_);
    return {};
  }
  Status read(Sink& sink, size_t max, bool& more) override {
    std::ifstream in(path_);
    in.seekg(at_);
    more = false;
    for (std::string line; std::getline(in, line) && !in.eof();) {
      if (more = max-- == 0; more) break;
      sink.line({Channel::kernel, line, "kernel", 0, 1});
      at_ += static_cast<std::streamoff>(line.size() + 1);
    }
    return {};
  }
  int fd() const override { return -1; }
  std::string position() const override { return std::to_string(at_); }

 private:
  const std::string path_;
  std::streamoff at_ = 0;
};

LogReader::Setup setup(const std::string& directory) {
  LogReader::Setup setup;
  setup.sources.order.fill({"lines"});
  setup.sources.make = [directory](const std::string&) { return std::make_unique<Lines>(directory + "/log"); };
  setup.boot = {"boot", 1};
  setup.state_directory = directory + "/state";
  setup.save_every = 0ms;
  return setup;
}

[[noreturn]] void live_until_killed(const std::string& directory) {
  Adding adding;
  LogReader reader(setup(directory), {{"adding", &adding}});
  reader.start();
  for (;;) pause();
}

}  // namespace

TEST_SUITE("events crash") {
  TEST_CASE("rounds" * doctest::skip()) {
    const char* const directory = std::getenv(kDirectory);
    REQUIRE(directory != nullptr);
    std::mt19937 random(std::random_device{}());
    std::ofstream log(std::string(directory) + "/log", std::ios::app);
    double events = 0, numbers = 0;
    const auto write_some = [&] {
      for (size_t n = random() % 20; n > 0; --n) {
        numbers += ++events;
        log << "event " << static_cast<int>(events) << "\nnoise\n";
      }
      log.flush();
    };
    for (int round = 0; round < kRounds; ++round) {
      write_some();
      const pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) live_until_killed(directory);
      for (size_t n = random() % 4; n > 0; --n) {
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
        write_some();
      }
      kill(child, SIGKILL);
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      REQUIRE(WIFSIGNALED(status));
    }
    Snapshot saved;
    CHECK(StateFile(std::string(directory) + "/state").load(saved));
    REQUIRE(saved.positions.size() == 1);
    CHECK(saved.positions[0].second.size() >= 3);  // far into the log: the state was used
    Adding adding;
    LogReader reader(setup(directory), {{"adding", &adding}});
    reader.read_all();
    CHECK(adding.events.Value() == events);
    CHECK(adding.numbers.Value() == numbers);
    MESSAGE(events, " events");
  }

  TEST_CASE("killed at any moment, the counters end where the truth is") {
    TemporaryTree tree;
    const std::string directory = std::string(kDirectory) + "=" + tree.root(), output = tree / "output";
    std::vector<char*> environment = {const_cast<char*>(directory.c_str())};
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    const char* arguments[] = {"unit", "--test-suite=events crash", "--test-case=rounds", "--no-skip", nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    pid_t child = 0;
    REQUIRE(posix_spawn(&child, "/proc/self/exe", &actions, nullptr, const_cast<char**>(arguments), environment.data()) == 0);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    std::ostringstream said;
    said << std::ifstream(output).rdbuf();
    INFO(said.str());
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(said.str().find("1 passed") != std::string::npos);
  }
}

}  // namespace fencewatch
