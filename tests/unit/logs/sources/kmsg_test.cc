#include "exporter/logs/sources/kmsg.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <deque>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/unit/logs/sink.h"
#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

std::string fixture() {
  std::ostringstream text;
  text << std::ifstream(FIXTURES "/logs/linux-4.19-memcg-oom.kmsg", std::ios::binary).rdbuf();
  return text.str();
}

// What read(2) answers next; then EAGAIN.
struct Answer {
  std::string text;
  int error = 0;
};

std::deque<Answer>& answers() {
  static std::deque<Answer> all;
  return all;
}

ssize_t answer(int, void* buffer, size_t size) {
  const Answer next = answers().empty() ? Answer{{}, EAGAIN} : answers().front();
  if (!answers().empty()) answers().pop_front();
  REQUIRE(next.text.size() <= size);
  std::memcpy(buffer, next.text.data(), next.text.size());
  errno = next.error;
  return next.error != 0 ? -1 : static_cast<ssize_t>(next.text.size());
}

Answer record(uint64_t sequence, const std::string& text, int priority = 4) {
  return {std::to_string(priority) + ',' + std::to_string(sequence) + ",1000000,-;" + text + '\n'};
}

// A device whose reads the test answers.
struct Device : TemporaryTree {
  explicit Device(const std::string& boot = "aaaa-bbbb") {
    file("boot_id", boot + '\n');
    file("kmsg", "");
    answers().clear();
  }
  Kmsg source() const { return Kmsg(*this / "kmsg", *this / "boot_id", answer); }
};

Texts read_texts(Source& source, RecordingSink& sink, const std::deque<Answer>& given) {
  answers() = given;
  sink.lines.clear();
  REQUIRE(drain(source, sink));
  return sink.texts();
}

}  // namespace

TEST_CASE("A record is taken apart") {
  kmsg::Record record;
  REQUIRE(kmsg::parse("6,339,5140900,-;NET: Registered; PF_INET", record));
  CHECK(record.priority == 6);
  CHECK(record.facility() == 0);
  CHECK(record.sequence == 339);
  CHECK(record.since_boot_us == 5140900);
  CHECK(record.text == "NET: Registered; PF_INET");
  REQUIRE(kmsg::parse("30,340,5690716,c,caller=T1;udevd[80]: starting", record));
  CHECK(record.facility() == 3);
  CHECK(record.text == "udevd[80]: starting");
  REQUIRE(kmsg::parse("6,18446744073709551615,0;", record));
  CHECK(record.sequence == UINT64_MAX);
}

TEST_CASE("What is no record") {
  for (const char* line : {"", ";", " SUBSYSTEM=acpi", " 6,1,2,-;x", "6,1,2,-", "6,1;x", "6;x", "x,1,2,-;x", "6,-1,2,-;x", "6,1,-2,-;x",
                           "6,1,2x,-;x", "6,18446744073709551616,2,-;x"}) {
    CAPTURE(line);
    kmsg::Record none;
    CHECK_FALSE(kmsg::parse(line, none));
  }
}

TEST_CASE("Escaped bytes come back; what only looks escaped stays") {
  std::string buffer;
  CHECK(kmsg::unescape("plain", buffer) == "plain");
  CHECK(kmsg::unescape("a\\x0ab\\x5c\\xe4\\xba\\x91", buffer) == "a\nb\\\xe4\xba\x91");
  CHECK(kmsg::unescape("\\x", buffer) == "\\x");
  CHECK(kmsg::unescape("\\x4", buffer) == "\\x4");
  CHECK(kmsg::unescape("\\xZZ\\x41", buffer) == "\\xZZA");
}

TEST_CASE("Records of a 4.19 kernel with lines of their dictionary, in whatever pieces they come") {
  const std::string text = fixture();
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}, size_t{8192}}) {
    CAPTURE(piece);
    const Device device;
    Kmsg source = device.source();
    REQUIRE(source.open(""));
    std::deque<Answer> pieces;
    for (size_t at = 0; at < text.size(); at += piece) pieces.push_back({text.substr(at, piece)});
    RecordingSink sink;
    const Texts texts = read_texts(source, sink, pieces);
    REQUIRE(texts.size() == 37);
    CHECK(texts[1] == "acpi PNP0A08:00: _OSC: OS supports [ExtendedConfig Segments MSI]");
    CHECK(texts[2] == "acpi PNP0A08:00: PCIe port services disabled; not requesting _OSC control");
    CHECK(texts[35] == "Killed process 161 (v1hog) total-vm:66520kB, anon-rss:65092kB, file-rss:4kB, shmem-rss:648kB");
    CHECK(source.position() == "aaaa-bbbb:303");
    CHECK(sink.lost_lines == std::map<std::string, uint64_t>{{"overrun", 81}});  // of the fixture, between 189 and 271
  }
}

TEST_CASE("Only the kernel's own records become lines, and the others are not missed") {
  const Device device;
  Kmsg source = device.source();
  REQUIRE(source.open(""));
  RecordingSink sink;
  const std::string killed = "Out of memory: Killed process 1 (x) total-vm:1kB";
  CHECK(read_texts(source, sink, {record(1, "a"), record(2, killed, 12), record(3, killed, 30), record(4, "b", 7), record(5, "c", 8)}) ==
        Texts{"a", "b"});
  CHECK(sink.lost_lines.empty());
  CHECK(source.position() == "aaaa-bbbb:6");
  CHECK(sink.lines[0].identifier == "kernel");
}

TEST_CASE("What the ring lost is counted, by EPIPE and by a gap alike; what was lost before the first look is not") {
  const Device device;
  Kmsg source = device.source();
  REQUIRE(source.open(""));
  RecordingSink sink;
  CHECK(read_texts(source, sink, {record(1000, "a")}) == Texts{"a"});
  CHECK(sink.lost_lines.empty());
  CHECK(read_texts(source, sink, {{"", EPIPE}, record(1010, "b"), record(1011, "c"), {"", EINVAL}, record(1013, "d")}) ==
        Texts{"b", "c", "d"});
  CHECK(sink.lost_lines["overrun"] == 9 + 1);
}

TEST_CASE("A restart in the same boot goes on behind the last record, and tells what is gone") {
  const Device device;
  Kmsg source = device.source();
  RecordingSink sink;
  REQUIRE(source.open("aaaa-bbbb:3"));
  CHECK(read_texts(source, sink, {record(1, "a"), record(2, "b"), record(3, "c"), record(4, "d")}) == Texts{"c", "d"});
  CHECK(sink.lost_lines.empty());
  REQUIRE(source.open(source.position()));
  CHECK(read_texts(source, sink, {record(9, "j")}) == Texts{"j"});
  CHECK(sink.lost_lines["overrun"] == 4);
}

TEST_CASE("Another boot begins at its beginning, whatever position there is") {
  const Device device("cccc-dddd");
  Kmsg source = device.source();
  for (const char* position : {"aaaa-bbbb:3", "", "cccc-dddd:", "cccc-dddd:x", ":", "3"}) {
    CAPTURE(position);
    REQUIRE(source.open(position));
    CHECK(source.position().empty());
    RecordingSink sink;
    CHECK(read_texts(source, sink, {record(5, "a"), record(6, "b")}) == Texts{"a", "b"});
    CHECK(sink.lost_lines.empty());
    CHECK(source.position() == "cccc-dddd:7");
  }
}

TEST_CASE("A machine set back to an earlier snapshot of the same boot goes on with what is new") {
  const Device device;
  Kmsg source = device.source();
  REQUIRE(source.open("aaaa-bbbb:500"));
  RecordingSink sink;
  CHECK(read_texts(source, sink, {record(1, "a"), record(2, "b")}).empty());
  CHECK(read_texts(source, sink, {record(3, "c")}) == Texts{"c"});
}

TEST_CASE("No more records than asked for at once, those passed over included") {
  const Device device;
  Kmsg source = device.source();
  REQUIRE(source.open(""));
  answers() = {record(1, "a"), record(2, "x", 12), record(3, "b"), record(4, "c")};
  RecordingSink sink;
  bool more = false;
  REQUIRE(source.read(sink, 2, more));
  CHECK(more);
  CHECK(sink.texts() == Texts{"a"});
  CHECK(source.position() == "aaaa-bbbb:3");
  REQUIRE(source.read(sink, 10, more));
  CHECK_FALSE(more);
  CHECK(sink.texts() == Texts{"a", "b", "c"});
}

TEST_CASE("A newline that a user has got into a kernel's message begins no line") {
  const Device device;
  Kmsg source = device.source();
  REQUIRE(source.open(""));
  RecordingSink sink;
  CHECK(read_texts(source, sink, {record(1, "EXT4-fs: opts: x\\x0aKilled process 1 (x) total-vm:1kB")}) ==
        Texts{"EXT4-fs: opts: x\nKilled process 1 (x) total-vm:1kB"});
}

TEST_CASE("A line that is no record, and one longer than any, harm nobody") {
  const Device device;
  Kmsg source = device.source();
  REQUIRE(source.open(""));
  RecordingSink sink;
  const std::string much(8 << 10, 'x');
  CHECK(read_texts(source, sink, {{"junk\n"}, record(1, "a"), {much}, {much}, {"x\n"}, record(2, "b")}) == Texts{"a", "b"});
}

TEST_CASE("Faults have a reason and close the source") {
  const Device device;
  Kmsg source = device.source();
  REQUIRE(source.open(""));
  answers() = {record(1, "a"), {"", EIO}};
  RecordingSink sink;
  bool more = false;
  CHECK(source.read(sink, 10, more).code == Code::io);
  CHECK_FALSE(more);
  CHECK(source.fd() == -1);
  CHECK(source.position() == "aaaa-bbbb:2");  // to go on from

  Kmsg nowhere(device / "none", device / "boot_id");
  CHECK(nowhere.open("").code == Code::missing);
  Kmsg bootless(device / "kmsg", device / "none");
  CHECK(bootless.open("").code == Code::missing);
  Kmsg empty(device / "kmsg", device / "kmsg");
  CHECK(empty.open("").code == Code::malformed);
}

TEST_CASE("A FIFO in place of the device: what is written arrives, its descriptor says when, its end is no fault") {
  const Device device;
  REQUIRE(mkfifo((device / "fifo").c_str(), 0600) == 0);
  Kmsg source(device / "fifo", device / "boot_id");
  REQUIRE(source.open(""));
  const Fd writer(open((device / "fifo").c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(writer);
  RecordingSink sink;
  REQUIRE(drain(source, sink));
  const std::string text = record(1, "a").text + record(2, "b").text;
  REQUIRE(write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  pollfd ready{source.fd(), POLLIN, 0};
  CHECK(poll(&ready, 1, 10'000) == 1);
  REQUIRE(drain(source, sink));
  CHECK(sink.texts() == Texts{"a", "b"});
}

TEST_CASE("This machine's own kernel log: times lie between boot and now, and what we write into it does not count") {
  Kmsg source;
  if (const Status status = source.open(""); !status) {
    MESSAGE("skip: /dev/kmsg: " << status.text);
    return;
  }
  const std::string spoof = "fencewatch-test: Killed process 1 (x) total-vm:" + std::to_string(getpid());
  {
    const Fd writer(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
    if (!writer || write(writer.get(), spoof.data(), spoof.size()) < 0) {
      MESSAGE("skip: /dev/kmsg is not for us to write");
      return;
    }
  }
  RecordingSink sink;
  REQUIRE(drain(source, sink));
  REQUIRE(!sink.lines.empty());
  CHECK(sink.lost_lines.empty());
  CHECK(std::ranges::none_of(sink.lines, [&](const auto& line) { return line.text.find(spoof) != line.text.npos; }));
  for (const auto& line : sink.lines) {
    const int64_t now_us = static_cast<int64_t>(std::time(nullptr)) * 1'000'000;
    CHECK(line.time_us > now_us - 10LL * 365 * 86'400 * 1'000'000);
    CHECK(line.time_us < now_us + 60'000'000);
  }
  Kmsg again;
  REQUIRE(again.open(source.position()));
  RecordingSink rest;
  REQUIRE(drain(again, rest));
  for (const auto& line : rest.lines) CHECK(line.time_us >= sink.lines.back().time_us);  // new ones, not those
  CHECK(rest.lines.size() < sink.lines.size());
}
