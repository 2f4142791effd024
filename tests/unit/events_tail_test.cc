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

#include "events_sink.h"
#include "exporter/events/tail.h"
#include "tree.h"

using namespace fencewatch;
namespace fs = std::filesystem;

namespace {

const std::string kHeader = "Nov 23 08:02:11 n1 kernel: ";

std::string line(const std::string& text) { return kHeader + text + '\n'; }

struct Log : TemporaryTree {
  std::string path = *this / "log/messages";

  explicit Log(const std::string& text = "") { file("log/messages", text); }
  void append(const std::string& text, const std::string& name = "messages") {
    std::ofstream(*this / ("log/" + name), std::ios::binary | std::ios::app) << text;
  }
  void rename(const std::string& from, const std::string& to) { fs::rename(*this / ("log/" + from), *this / ("log/" + to)); }
  void remove(const std::string& name) { fs::remove(*this / ("log/" + name)); }
  void copytruncate(const std::string& to) {
    fs::copy_file(path, *this / ("log/" + to));
    fs::resize_file(path, 0);
  }
};

// A follower that is at the beginning of the log, and what it has heard since it was asked last.
struct Follower {
  explicit Follower(const Log& log, std::string_view position = "", TailOptions options = {.from_start = true}) : tail(log.path, options) {
    REQUIRE(tail.open(position));
  }
  Texts news() {
    RecordingSink sink;
    REQUIRE(drain(tail, sink));
    for (const auto& [reason, count] : sink.lost_lines) lost[reason] += count;
    rotations += sink.rotations;
    truncations += sink.truncations;
    return sink.texts();
  }
  Tail tail;
  std::map<std::string, uint64_t> lost;
  int rotations = 0, truncations = 0;
};

}  // namespace

TEST_CASE("A file is followed from its end, or from its beginning when all of it is asked for") {
  Log log(line("a") + line("b") + kHeader + "c");
  Follower all(log), tail(log, "", {});
  CHECK(all.news() == Texts{"a", "b"});
  CHECK(tail.news().empty());
  log.append("c\n" + line("d"));
  CHECK(all.news() == Texts{"cc", "d"});
  CHECK(tail.news() == Texts{"cc", "d"});
  CHECK(all.news().empty());
  CHECK(all.tail.fd() == -1);
  CHECK(all.tail.name() == log.path);
}

TEST_CASE("A line is handed on when its newline is there, however slowly it comes") {
  Log log;
  Follower follower(log);
  for (const char c : kHeader + "slow") {
    log.append(std::string(1, c));
    CHECK(follower.news().empty());
  }
  log.append("\n");
  CHECK(follower.news() == Texts{"slow"});
}

TEST_CASE("Time, identifier and repetitions come from the line") {
  Log log("Nov 23 08:02:11 n1 pacemaker-fenced[85]: message repeated 3 times: [  notice: x]\n2026-11-23T08:02:11Z n1 kernel: y\n");
  Tail tail(log.path, {.from_start = true});
  REQUIRE(tail.open(""));
  RecordingSink sink;
  REQUIRE(drain(tail, sink));
  REQUIRE(sink.lines.size() == 2);
  CHECK(sink.lines[0].channel == Channel::pacemaker);
  CHECK(sink.lines[0].identifier == "pacemaker-fenced");
  CHECK(sink.lines[0].repeated == 3);
  CHECK(sink.lines[0].time_us % 60'000'000 == 11'000'000);
  CHECK(sink.lines[1].time_us == 1'795'420'931'000'000);
}

TEST_CASE("A line that is too long is cut and counted, wherever the pieces end; its neighbours are whole") {
  const std::string long_text(LineBuffer::kMaxLine - kHeader.size(), 'x');
  for (const size_t more : {0, 1, 8192, 70'000, 200'000}) {
    CAPTURE(more);
    Log log(line("a") + line(long_text + std::string(more, 'y')) + line("b"));
    Follower follower(log);
    CHECK(follower.news() == Texts{"a", long_text, "b"});
    CHECK(follower.lost["too_long"] == (more > 0 ? 1 : 0));
    CHECK(Follower(log, follower.tail.position()).news().empty());
  }
}

TEST_CASE("A long line that is being written waits too, and is read again whole after a restart") {
  Log log(line("a") + kHeader + std::string(100'000, 'x'));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a"});
  const std::string position = follower.tail.position();
  log.append("yyy\n" + line("b"));
  for (const Texts& news : {follower.news(), Follower(log, position).news()}) {
    REQUIRE(news.size() == 2);
    CHECK(news[0].size() == LineBuffer::kMaxLine - kHeader.size());
    CHECK(news[1] == "b");
  }
}

TEST_CASE("NUL bytes and bytes that are no UTF-8 do not stop the reading") {
  Log log(std::string(20'000, '\0') + line("a") + line(std::string("b\0c\xff\xfe", 5)) + "\0\0\n" + "\n\r\n" + line("d"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a", std::string("b\0c\xff\xfe", 5), "d"});
}

TEST_CASE("Renamed: the old file is read until the new one has something") {
  Log log(line("a"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a"});
  log.append(line("b"));
  log.rename("messages", "messages.1");
  log.append(line("c"), "messages.1");
  CHECK(follower.news() == Texts{"b", "c"});
  log.append("");  // logrotate's `create`
  log.append(line("d"), "messages.1");
  CHECK(follower.news() == Texts{"d"});
  log.append(line("e"), "messages.1");
  log.append(line("f"));
  CHECK(follower.news() == Texts{"e", "f"});
  CHECK(follower.rotations == 1);
  CHECK(follower.truncations == 0);
}

TEST_CASE("Several rotations between two looks, whatever the rotated files are called") {
  for (const auto& [first, second, third] : {std::array<std::string, 3>{"messages.3", "messages.2", "messages.1"},
                                             {"messages-20261121", "messages-20261122", "messages-20261123"},
                                             {"messages.2026-11-23-1", "messages.2026-11-23-2", "messages.2026-11-23-3"},
                                             {"messages.10", "messages.9", "messages.8"}}) {
    CAPTURE(first);
    for (const bool restarted : {false, true}) {
      CAPTURE(restarted);
      Log log(line("a"));
      Follower follower(log);
      CHECK(follower.news() == Texts{"a"});
      log.append(line("b"));
      log.rename("messages", first);
      log.append(line("c"), second);
      log.append(line("d"), third);
      log.append(line("x"), third + ".gz");
      log.append(line("x"), "messages.bak");
      log.append(line("x"), "messagesx.1");
      log.append(line("e"));
      if (restarted) {
        Follower again(log, follower.tail.position());
        CHECK(again.news() == Texts{"b", "c", "d", "e"});
        CHECK(again.rotations == 3);
      } else {
        CHECK(follower.news() == Texts{"b", "c", "d", "e"});
        CHECK(follower.rotations == 3);
      }
    }
  }
}

TEST_CASE("logrotate's `extension` keeps the end of the name") {
  TemporaryTree tree;
  tree.file("corosync.log", line("a"));
  Tail tail(tree / "corosync.log", {.from_start = true});
  REQUIRE(tail.open(""));
  RecordingSink sink;
  REQUIRE(drain(tail, sink));
  fs::rename(tree / "corosync.log", tree / "corosync-20261122.log");
  tree.file("corosync-20261123.log", line("b"));
  tree.file("corosync.log", line("c"));
  REQUIRE(drain(tail, sink));
  CHECK(sink.texts() == Texts{"a", "b", "c"});
}

TEST_CASE("Truncated: what the copy holds is read there, and the file from its beginning") {
  for (const bool restarted : {false, true}) {
    for (const bool refilled : {false, true}) {
      CAPTURE(restarted);
      CAPTURE(refilled);
      Log log(line("a"));
      Follower follower(log);
      CHECK(follower.news() == Texts{"a"});
      log.append(line("b"));
      log.copytruncate("messages.1");
      const std::string text = refilled ? std::string(500, 'c') : "c";  // longer than the file was: only its first bytes tell
      log.append(line(text));
      if (restarted) {
        Follower again(log, follower.tail.position());
        CHECK(again.news() == Texts{"b", text});
        CHECK(again.truncations == 1);
      } else {
        CHECK(follower.news() == Texts{"b", text});
        CHECK(follower.truncations == 1);
        CHECK(follower.rotations == 0);
      }
    }
  }
}

TEST_CASE("Truncated without a copy: from the beginning") {
  Log log(line("a") + line("b"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a", "b"});
  log.file("log/messages", line("c"));
  CHECK(follower.news() == Texts{"c"});
  CHECK(follower.truncations == 1);
}

TEST_CASE("A writer that does not append leaves NUL bytes where the truncated lines were") {
  Log log(line("a"));
  const Fd writer(open(log.path.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string text = line(std::string(50'000, 'b'));
  REQUIRE(write(writer.get(), text.data(), text.size()) > 0);
  Follower follower(log);
  CHECK(follower.news().size() == 1);
  fs::resize_file(log.path, 0);
  const std::string next = line("c");
  REQUIRE(write(writer.get(), next.data(), next.size()) > 0);
  CHECK(follower.news() == Texts{"c"});
  CHECK(follower.truncations == 1);
}

TEST_CASE("Deleted and made anew, also with the old file's inode") {
  Log log(line("a"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a"});
  const std::string position = follower.tail.position();
  log.append(line("b"));
  log.remove("messages");
  CHECK(follower.news() == Texts{"b"});
  log.append(line("c"));
  CHECK(follower.news() == Texts{"c"});
  CHECK(follower.rotations == 1);

  // As if the new file had got the inode of the old one: the first bytes tell.
  rotation::Mark mark;
  REQUIRE(rotation::Mark::parse(position, mark));
  struct stat is {};
  REQUIRE(stat(log.path.c_str(), &is) == 0);
  mark.inode = is.st_ino;
  CHECK(Follower(log, mark.text()).news() == Texts{"c"});
}

TEST_CASE("The directory is moved away and there is a new one") {
  Log log(line("a"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a"});
  log.append(line("b"));
  fs::rename(log / "log", log / "log.old");
  CHECK(follower.news() == Texts{"b"});
  log.directory("log");
  log.append(line("c"));
  CHECK(follower.news() == Texts{"c"});
}

TEST_CASE("A half line and a rotation: it ends in the old file, goes on in the new, or is never ended") {
  const std::string begun = kHeader + "be";
  {
    Log log(begun);
    Follower follower(log);
    CHECK(follower.news().empty());
    log.rename("messages", "messages.1");
    log.append("");
    CHECK(follower.news().empty());
    log.append("gun\n", "messages.1");
    log.append(line("next"));
    CHECK(follower.news() == Texts{"begun", "next"});
  }
  for (const bool truncated : {false, true}) {
    CAPTURE(truncated);
    Log log(line("a") + begun);
    Follower follower(log);
    CHECK(follower.news() == Texts{"a"});
    const auto position = follower.tail.position();
    truncated ? log.copytruncate("messages.1") : log.rename("messages", "messages.1");
    log.append("gun\n");
    CHECK(follower.news() == Texts{"begun"});
    CHECK(Follower(log, position).news() == Texts{"begun"});
    CHECK(Follower(log, follower.tail.position()).news().empty());
  }
  {
    Log log(begun);
    Follower follower(log);
    CHECK(follower.news().empty());
    log.rename("messages", "messages.1");
    log.append(line("next"));
    CHECK(follower.news() == Texts{"be", "next"});
  }
}

TEST_CASE("What corosync says to syslog and to stderr counts once where a journal has passed both on") {
  const std::string head = "Nov 23 08:02:11 n1 corosync[61]: ";
  Log log(head + "[TOTEM ] a\n" + head + "notice  [TOTEM ] a\n" + head + "notice  [TOTEM ] b\n" + head + " [TOTEM ] b\n" + head +
          "[TOTEM ] b\n" + "Nov 23 08:02:12 [61] n1 corosync notice  [TOTEM ] own\n");
  CHECK(Follower(log).news() == Texts{"[TOTEM ] a", "[TOTEM ] b", "[TOTEM ] b", "[TOTEM ] own"});
  for (size_t first = 1; first < 4; ++first) {
    CAPTURE(first);
    Tail before(log.path, {.from_start = true});
    REQUIRE(before.open(""));
    RecordingSink sink;
    bool more = false;
    REQUIRE(before.read(sink, first, more));
    CHECK(first + Follower(log, before.position()).news().size() == 4);
  }
}

TEST_CASE("No more lines than asked for at once") {
  Log log(line("a") + "Nov 23 08:02:11 n1 sshd[1]: of no channel\n" + line("b") + line("c"));
  Tail tail(log.path, {.from_start = true});
  REQUIRE(tail.open(""));
  RecordingSink sink;
  bool more = false;
  REQUIRE(tail.read(sink, 2, more));
  CHECK(more);
  CHECK(sink.texts() == Texts{"a", "b"});
  CHECK(Follower(log, tail.position()).news() == Texts{"c"});
  REQUIRE(tail.read(sink, 2, more));
  CHECK_FALSE(more);
  CHECK(sink.texts() == Texts{"a", "b", "c"});
}

TEST_CASE("What cannot be followed says why, and is closed") {
  Log log(line("a"));
  CHECK(Tail(log / "log/none").open("").code == Code::missing);
  CHECK(Tail(log / "log").open("").code == Code::malformed);
  CHECK(Tail("/dev/null").open("").code == Code::malformed);
  Tail closed(log.path);
  RecordingSink sink;
  bool more = false;
  CHECK(closed.read(sink, 1, more).code == Code::io);
  if (geteuid() != 0) {
    REQUIRE(chmod(log.path.c_str(), 0) == 0);
    CHECK(Tail(log.path).open("").code == Code::denied);
  }
}

TEST_CASE("A name that nobody bears any more is a fault when patience has ended, and what was there is read first") {
  Log log(line("a"));
  Follower follower(log, "", {.from_start = true, .patience = std::chrono::seconds(0)});
  log.remove("messages");
  RecordingSink sink;
  bool more = false;
  CHECK(follower.tail.read(sink, 100, more).code == Code::missing);
  CHECK(sink.texts() == Texts{"a"});
  CHECK(follower.tail.read(sink, 100, more).code == Code::io);
  const std::string position = follower.tail.position();
  log.append(line("b"));
  CHECK(Follower(log, position).news() == Texts{"b"});
}

TEST_CASE("A directory under the name is a fault, and the old file is read first") {
  Log log(line("a"));
  Follower follower(log);
  log.rename("messages", "messages.1");
  log.directory("log/messages");
  RecordingSink sink;
  bool more = false;
  CHECK(follower.tail.read(sink, 100, more).code == Code::malformed);
  CHECK(sink.texts() == Texts{"a"});
}

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
