#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/logs/sources/tail_log.h"

using namespace fencewatch;
using namespace fencewatch::test;

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

TEST_CASE("Below a root absolute links stay inside it, also after a rotation") {
  TemporaryTree tree;
  tree.directory("var");
  tree.link("var/log", "/data/log");
  tree.file("data/log/messages", line("a"));
  const auto root = std::make_shared<Fd>(open(tree.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Tail tail("/var/log/messages", {.root = root, .from_start = true});
  REQUIRE(tail.open(""));
  RecordingSink sink;
  REQUIRE(drain(tail, sink));
  fs::rename(tree / "data/log/messages", tree / "data/log/messages.1");
  std::ofstream(tree / "data/log/messages.1", std::ios::app) << line("b");
  tree.file("data/log/messages", line("c"));
  REQUIRE(drain(tail, sink));
  CHECK(sink.texts() == Texts{"a", "b", "c"});
}

TEST_CASE("In a plain file every line is one, whatever it looks like, and none goes on in the next file") {
  Log log("a\n" + line("b") + "last message repeated 5 times\nhalf");
  Follower follower(log, "", {.plain = plain_file(0), .from_start = true});
  CHECK(follower.news() == Texts{"a", kHeader + "b", "last message repeated 5 times"});
  log.rename("messages", "messages.1");
  log.append("another, that is long enough to tell\n");
  CHECK(follower.news() == Texts{"half", "another, that is long enough to tell"});
}
