#include "exporter/base/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

using namespace fencewatch;

namespace {

// stderr as a pipe, for as long as it lives.
class Captured {
 public:
  Captured() : saved_(dup(STDERR_FILENO)) {
    REQUIRE(pipe2(pipe_, O_CLOEXEC) == 0);
    dup2(pipe_[1], STDERR_FILENO);
  }
  ~Captured() {
    dup2(saved_, STDERR_FILENO);
    for (const int fd : {saved_, pipe_[0], pipe_[1]}) close(fd);
  }
  // What has been written so far.
  std::string take() {
    fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
    std::string text(1 << 16, '\0');
    const ssize_t got = read(pipe_[0], text.data(), text.size());
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }

 private:
  int saved_;
  int pipe_[2];
};

std::string without_time(const std::string& line, std::string_view before) {
  REQUIRE(line.starts_with(before));
  REQUIRE(line.size() > before.size() + 24);
  CHECK(line[before.size() + 10] == 'T');
  CHECK(line[before.size() + 23] == 'Z');
  return line.substr(before.size() + 24);
}

}  // namespace

TEST_CASE("before the start records are written at once, as logfmt") {
  Captured captured;
  log::warn("no \"lock\"", {{"reason", "a\\b\n\t\x1b[31m\x7f"}, {"empty", ""}});
  CHECK(without_time(captured.take(), "time=") ==
        " level=warn msg=\"no \\\"lock\\\"\" reason=\"a\\\\b\\n\\t\\u001b[31m\\u007f\" empty=\"\"\n");
}

TEST_CASE("invalid UTF-8 is replaced, valid is kept") {
  Captured captured;
  const auto shown = [&captured](std::string_view text) {
    log::error("", {{"v", text}});
    const std::string line = captured.take();
    const size_t begin = line.find("v=\"") + 3;
    return line.substr(begin, line.size() - begin - 2);
  };
  CHECK(shown("内存 é 😀") == "内存 é 😀");
  CHECK(shown("\xff!") == "\xEF\xBF\xBD!");
  CHECK(shown("\xe5\x86") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // cut off
  CHECK(shown("\xc0\xaf") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // overlong
  CHECK(shown("\xe0\x80\xaf").find("\xaf\"") == std::string::npos);        // overlong
  CHECK(shown("\xed\xa0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  CHECK(shown("\xf4\x90\x80\x80").starts_with("\xEF\xBF\xBD"));            // above U+10FFFF
  CHECK(shown("\xc2\x9b") == "\\u009b");                                   // CSI of C1
}

TEST_CASE("queued records come out in order, as JSON, above the level") {
  Captured captured;
  log::start("info", "json");
  log::debug("not shown");
  log::info("listening", {{"address", ":19664"}});
  log::error("\"\xff", {});
  log::stop();
  const std::string text = captured.take();
  const size_t second = text.find('\n') + 1;
  CHECK(without_time(text.substr(0, second), "{\"time\":\"") == "\",\"level\":\"info\",\"msg\":\"listening\",\"address\":\":19664\"}\n");
  CHECK(without_time(text.substr(second), "{\"time\":\"") == "\",\"level\":\"error\",\"msg\":\"\\\"\xEF\xBF\xBD\"}\n");
  log::info("after the stop");
  CHECK(captured.take().find("after the stop") != std::string::npos);
}

TEST_CASE("a stderr that nobody reads stops neither the work nor the exit, and what is lost is counted") {
  Captured captured;
  const uint64_t before = log::dropped();
  log::start("info", "logfmt");
  const auto begin = std::chrono::steady_clock::now();
  const std::string text(1000, 'x');
  for (int i = 0; i < 2000; ++i) log::info(text);
  log::stop();
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  const uint64_t lost = log::dropped() - before;
  CHECK(lost > 1800);  // 2 MB, of which a pipe holds 64 KiB
  CHECK(lost < 2000);
  while (!captured.take().empty()) {
  }
}
