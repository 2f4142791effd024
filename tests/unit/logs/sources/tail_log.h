// A log file that a test writes, rotates and truncates, and one who follows it.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "exporter/logs/sources/tail.h"
#include "tests/unit/logs/sink.h"
#include "tests/unit/tree.h"

namespace fencewatch::test {

namespace fs = std::filesystem;

inline const std::string kHeader = "Nov 23 08:02:11 n1 kernel: ";

inline std::string line(const std::string& text) { return kHeader + text + '\n'; }

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

}  // namespace fencewatch::test
