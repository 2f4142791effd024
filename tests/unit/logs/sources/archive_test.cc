#include "exporter/logs/sources/archive.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <lzma.h>
#include <zlib.h>

#include <fstream>
#include <sstream>

#include "tests/unit/logs/sink.h"
#include "tests/unit/tree.h"

namespace fencewatch {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string xz(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  REQUIRE(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                  reinterpret_cast<uint8_t*>(out.data()), &size, out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}

std::string line(const std::string& text, const std::string& day = "23") { return "Nov " + day + " 08:02:11 n1 kernel: " + text + "\n"; }

struct Files : TemporaryTree {
  Files() : root(std::make_shared<Fd>(open(TemporaryTree::root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))) {}
  RecordingSink read(std::vector<std::string> files, size_t max = 3, Archive::Format format = Archive::Format::syslog) {
    RecordingSink sink;
    Archive archive(root, "archive", std::move(files), 0, format);
    REQUIRE(archive.open(""));
    CHECK(drain(archive, sink, max));
    return sink;
  }
  const std::shared_ptr<const Fd> root;
};

}  // namespace

TEST_SUITE("events archive") {
  TEST_CASE("rotated files come before the log, the oldest first") {
    Files files;
    for (const char* name :
         {"messages", "messages.1", "messages.2.gz", "messages.10.xz", "messages-20241103.xz", "messages-20231224",
          "messages-20241103-1730592001.gz", "messages.old", "messages.1.bak", "messagesx", "other", "messages-x", "messages."})
      files.file(std::string("var/log/") + name, "");
    CHECK(with_predecessors(files.root->get(), "var/log/messages") ==
          Texts{"var/log/messages-20231224", "var/log/messages-20241103.xz", "var/log/messages-20241103-1730592001.gz",
                "var/log/messages.10.xz", "var/log/messages.2.gz", "var/log/messages.1", "var/log/messages"});
    CHECK(with_predecessors(files.root->get(), "var/log/none").empty());
    CHECK(with_predecessors(files.root->get(), "no/such").empty());
    files.file("dmesg", "");
    CHECK(with_predecessors(files.root->get(), "dmesg") == Texts{"dmesg"});
    for (const char* name :
         {"corosync.log", "corosync-20241103.log", "corosync-20241110.log.gz", "corosync.log.1", "corosync-x.log", "corosync"})
      files.file(std::string("var/log/cluster/") + name, "");
    CHECK(with_predecessors(files.root->get(), "var/log/cluster/corosync.log") ==
          Texts{"var/log/cluster/corosync-20241103.log", "var/log/cluster/corosync-20241110.log.gz", "var/log/cluster/corosync.log.1",
                "var/log/cluster/corosync.log"});
  }

  TEST_CASE("a rotated file that is damaged at its very start is told") {
    for (const char* name : {"messages.1.gz", "messages.1.xz"}) {
      Files files;
      files.file(std::string("var/log/") + name, "Nov 23 08:02:11 n1 kernel: event\n");
      CHECK(unpack(Fd(open((files / (std::string("var/log/") + name).c_str()).c_str(), O_RDONLY | O_CLOEXEC)), name) == nullptr);
    }
  }

  TEST_CASE("what corosync says to syslog and to stderr is one line, also with a rotation between, and each time that the files are read") {
    Files files;
    const auto said = [](std::string_view level, std::string_view text, std::string_view second = "11") {
      return "Nov 23 08:02:" + std::string(second) + " n1 corosync[61]: " + std::string(level) + " [TOTEM ] " + std::string(text) + "\n";
    };
    files.file("syslog.1", said("notice ", "one") + said("", "one") + said("", "two"));
    files.file("syslog", said("notice ", "two") + said("", "three") + said("", "three") + said("notice ", "one", "30"));
    RecordingSink sink;
    Archive archive(files.root, "archive", {"syslog.1", "syslog"}, 0);
    for (int time = 0; time < 2; ++time) {
      REQUIRE(archive.open(""));
      CHECK(drain(archive, sink, 3));
    }
    const Texts once = {"[TOTEM ] one", "[TOTEM ] two", "[TOTEM ] three", "[TOTEM ] three", "[TOTEM ] one"};
    Texts twice = once;
    twice.insert(twice.end(), once.begin(), once.end());
    CHECK(sink.texts() == twice);
  }

  TEST_CASE("plain, gzip and xz files follow one another") {
    Files files;
    files.file("c.xz", xz(line("one") + line("two")));
    files.file("b.gz", gzip(line("three")) + gzip(line("four")));
    files.file("a", line("five") + "no line of ours\n" + line("six").substr(0, line("six").size() - 1));
    for (const size_t max : {1, 2, 100}) {
      const RecordingSink sink = files.read({"c.xz", "b.gz", "gone", "a"}, max);
      CHECK(sink.texts() == Texts{"one", "two", "three", "four", "five", "six"});
      CHECK(sink.lost_lines.empty());
    }
  }

  TEST_CASE("files that are larger than what is read at once") {
    Files files;
    std::string text;
    Texts expected;
    for (int i = 0; i < 20000; ++i) {
      expected.push_back("event " + std::to_string(i));
      text += line(expected.back());
    }
    files.file("a.xz", xz(text));
    files.file("a.gz", gzip(text));
    files.file("a", text);
    for (const char* name : {"a.xz", "a.gz", "a"}) CHECK(files.read({name}, 777).texts() == expected);
  }

  TEST_CASE("damaged files are told, and what could be read of them and the others is there") {
    Files files;
    std::string text;
    for (int i = 0; i < 20000; ++i) text += line("event " + std::to_string(i * 7919 % 20011));
    for (const std::string& packed : {xz(text), gzip(text)}) {
      files.file("a", packed.substr(0, packed.size() / 2));
      files.file("b", line("good"));
      const RecordingSink sink = files.read({"a", "b"}, 1000);
      CHECK(sink.lines.size() > 1000);
      CHECK(sink.lines.back().text == "good");
      CHECK(sink.lost_lines.at("unreadable") == 1);
    }
    files.directory("d");
    CHECK(files.read({"d", "b"}).lost_lines.at("unreadable") == 1);
  }

  TEST_CASE("a line that is too long is cut, told, and does not swallow the next") {
    Files files;
    for (const size_t length : {8000, 8200, 70000, 200000}) {
      files.file("a", line(std::string(length, 'x')) + line("next"));
      const RecordingSink sink = files.read({"a"});
      REQUIRE(sink.lines.size() == 2);
      CHECK(sink.lines[0].text.size() <= 8192);
      CHECK(sink.lines[1].text == "next");
      CHECK(sink.lost_lines.size() == (length > 8100 ? 1 : 0));
    }
  }

  TEST_CASE("the output of dmesg is the kernel's") {
    Files files;
    files.file("dmesg", "[    1.000000] one\n[Mon Nov 23 08:02:11 2026] two\nthree\n[x\n");
    const RecordingSink sink = files.read({"dmesg"}, 2, Archive::Format::dmesg);
    CHECK(sink.texts() == Texts{"one", "two", "three", "[x"});
    CHECK(sink.lines[0].channel == Channel::kernel);
    CHECK(sink.lines[0].time_us == 0);
    CHECK(sink.lines[1].time_us == 1'795'420'931'000'000);
  }

  TEST_CASE("without a file there is nothing to open") {
    Files files;
    Archive archive(files.root, "archive", {"a", "b"}, 0);
    CHECK(archive.open("").code == Code::missing);
  }
}

}  // namespace fencewatch
