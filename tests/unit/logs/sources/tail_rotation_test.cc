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

TEST_CASE("Truncated again while the copy before is being read, and again when it was empty") {
  Log log(line("a1"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a1"});
  log.append(line("a2") + line("a3"));
  log.copytruncate("messages.1");
  log.append(line("b"));
  RecordingSink sink;
  bool more = false;
  REQUIRE(follower.tail.read(sink, 1, more));
  CHECK(sink.texts() == Texts{"a2"});
  log.rename("messages.1", "messages.2");
  log.copytruncate("messages.1");
  CHECK(follower.news() == Texts{"a3", "b"});
  log.append(line("c"));
  log.rename("messages.2", "messages.3");
  log.rename("messages.1", "messages.2");
  log.copytruncate("messages.1");
  log.append(line("d"));
  CHECK(follower.news() == Texts{"c", "d"});
  CHECK(sink.truncations + follower.truncations == 3);
}

TEST_CASE("A copy that is being made is not read beside the file") {
  Log log(line("a"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a"});
  log.copytruncate("messages.2");
  log.append(line("b"));
  fs::copy_file(log.path, log / "log/messages.1");
  CHECK(follower.news() == Texts{"b"});
  fs::resize_file(log.path, 0);
  log.append(line("c"));
  CHECK(follower.news() == Texts{"c"});
}

TEST_CASE("Truncated, then renamed before we look: the copy, the file, and what bears the name now") {
  Log log(line("a"));
  Follower follower(log);
  CHECK(follower.news() == Texts{"a"});
  log.append(line("b"));
  log.copytruncate("messages.4");
  log.append(line("c"));
  log.rename("messages", "messages.3");
  log.append(line("d"), "messages.2");
  log.append(line("e"));
  CHECK(follower.news() == Texts{"b", "c", "d", "e"});
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
