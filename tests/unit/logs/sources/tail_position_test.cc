#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "tests/unit/logs/sources/tail_log.h"

using namespace fencewatch;
using namespace fencewatch::test;

TEST_CASE("Asked for a time: every file that was written to since, and no older one") {
  Log log;
  log.append(line("old"), "messages.3");
  log.append(line("a"), "messages.2");
  log.append(line("b"), "messages.1");
  log.append(line("c"));
  int64_t second = 1'700'000'000;
  for (const char* name : {"messages.3", "messages.2", "messages.1", "messages"}) {
    const timespec times[2] = {{second, 0}, {second, 0}};
    REQUIRE(utimensat(AT_FDCWD, (log / ("log/" + std::string(name))).c_str(), times, 0) == 0);
    second += 100;
  }
  Follower follower(log, "@1700000100000000", {});
  CHECK(follower.news() == Texts{"a", "b", "c"});
  CHECK(follower.rotations == 0);
  CHECK(Follower(log, "@1700000300000000", {}).news() == Texts{"c"});
  CHECK(Follower(log, "@1700000900000000", {}).news() == Texts{"c"});
}

TEST_CASE("A damaged position is none; a strange one leads nowhere wrong") {
  Log log(line("a"));
  for (const char* position : {"x", "@", "@x", "1:2", "1:2:3:4:5:6", "1:999:300:0:0", "-1:0:0:0:0"}) {
    CAPTURE(position);
    CHECK(Follower(log, position).news() == Texts{"a"});
    CHECK(Follower(log, position, {}).news().empty());
  }
  CHECK(Follower(log, "1:20:5:7:0", {}).news() == Texts{"a"});  // of a file that is gone: all of this one is new
}

namespace {

// A daemon that writes lines into a log, and an administrator who rotates it. What a name was last written is a clock of its own: the
// kernel's would say the same of quick rotations.
class Machine {
 public:
  Machine(Log& log, uint32_t seed, bool dated) : log_(log), random_(seed), dated_(dated) { reopen(); }

  uint32_t below(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }

  void write_lines() {
    for (uint32_t n = 1 + below(4); n > 0; --n) {
      if (rest_.empty()) begin_line();
      put(rest_);
      rest_.clear();
    }
  }
  void write_part() {
    if (rest_.empty()) begin_line();
    const size_t n = below(static_cast<uint32_t>(rest_.size()));
    put(rest_.substr(0, n));
    rest_.erase(0, n);
  }
  void rotate() {
    shift();
    fs::rename(log_.path, rotated());
    Fd(open(log_.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    touch(log_.path);
  }
  void copytruncate() {
    reopen();  // the daemon writes into the file that bears the name
    shift();
    fs::copy_file(log_.path, rotated());
    touch(rotated());
    fs::resize_file(log_.path, 0);
    touch(log_.path);
  }
  void recreate() {
    fs::remove(log_.path);
    reopen();
  }
  void reopen() {
    writer_ = Fd(open(log_.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    touch(log_.path);
  }
  void end_line() {
    if (rest_.empty()) begin_line();
    put(rest_);
    rest_.clear();
  }

  Texts written;

 private:
  void begin_line() {
    written.push_back(std::to_string(written.size()) + ' ');
    for (uint32_t n = below(40); n > 0; --n) written.back().push_back(static_cast<char>('a' + below(26)));  // no two alike, nor their parts
    rest_ = line(written.back());
  }
  void put(const std::string& text) {
    REQUIRE(write(writer_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    const timespec times[2] = {{++clock_, 0}, {clock_, 0}};
    futimens(writer_.get(), times);
  }
  void touch(const std::string& path) {
    const timespec times[2] = {{++clock_, 0}, {clock_, 0}};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
  std::string rotated() const { return log_.path + (dated_ ? "-" + std::to_string(20'260'000 + rotations_) : ".1"); }
  void shift() {
    ++rotations_;
    if (dated_) return;
    for (int i = static_cast<int>(rotations_); i > 0; --i)
      if (const std::string name = log_.path + '.' + std::to_string(i); fs::exists(name))
        fs::rename(name, log_.path + '.' + std::to_string(i + 1));
  }

  Log& log_;
  std::mt19937 random_;
  const bool dated_;
  Fd writer_;
  std::string rest_;  // of the line that is being written
  time_t clock_ = 1'700'000'000;
  uint32_t rotations_ = 0;
};

}  // namespace

TEST_CASE("Whatever is done to a log between the looks, every line is heard once and in order") {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Log log;
    Machine machine(log, seed, seed % 2 == 0);
    auto tail = std::make_unique<Tail>(log.path, TailOptions{.from_start = true});
    REQUIRE(tail->open(""));
    RecordingSink sink;
    for (int step = 0; step < 60; ++step) {
      switch (machine.below(12)) {
        case 0:
        case 1:
          machine.write_part();
          break;
        case 2:
          machine.rotate();
          break;
        case 3:
          machine.reopen();
          break;
        case 4:
          REQUIRE(drain(*tail, sink));
          machine.copytruncate();
          break;
        case 5:
          machine.end_line();
          REQUIRE(drain(*tail, sink));  // what is deleted unread nobody can read
          machine.recreate();
          break;
        case 6: {
          const std::string position = tail->position();
          tail = std::make_unique<Tail>(log.path);
          REQUIRE(tail->open(position));
          break;
        }
        case 7:
        case 8: {
          bool more = false;
          REQUIRE(tail->read(sink, 1 + machine.below(3), more));
          break;
        }
        default:
          machine.write_lines();
      }
    }
    machine.reopen();
    machine.end_line();
    REQUIRE(drain(*tail, sink));
    REQUIRE(sink.texts() == machine.written);
    CHECK(sink.lost_lines.empty());
  }
}
