// Every layout of a log that is known, with a line of every channel, read once and followed. What is followed has no paste and no output of
// dmesg.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <string>
#include <utility>

#include "exporter/logs/sources/archive.h"
#include "tests/unit/logs/sources/tail_log.h"
#include "tests/unit/prefixes.h"

namespace fencewatch::test {
namespace {

struct Message {
  Channel channel;
  std::string identifier, pid, text;
};
const Message kMessages[] = {
    {Channel::kernel, "kernel", "", "Out of memory: Killed process 1 (x)"},
    {Channel::corosync, "corosync", "61", "[TOTEM ] A processor failed, forming new configuration."},
    {Channel::pacemaker, "pacemaker-fenced", "62", "notice: Operation 'reboot' targeting n2 on n1"},
    {Channel::sbd, "sbd", "63", "warning: Servant /dev/sdb is outdated (age: 4)"},
};

// What a layout makes of messages: a line, or several.
struct Layout {
  const char* name;
  std::string (*line)(const Message&);
  int64_t time_us;       // 0: unknown
  bool followed = true;  // as well as read once
};

std::string tag(const Message& message) { return message.identifier + (message.pid.empty() ? "" : "[" + message.pid + "]") + ": "; }
std::string dotted(const Message& message) { return message.channel == Channel::kernel ? "kern.err " : "daemon.notice "; }
std::string ringed(const Message& message) { return (message.channel == Channel::kernel ? "[   12.345678] " : "") + message.text; }
std::string syslog(const Message& message, const std::string& time) { return time + " n1 " + tag(message) + ringed(message) + "\n"; }

constexpr int64_t kTime = 1'795'420'931'000'000;   // 23 November 2026, 08:02:11 UTC
constexpr int64_t kFirst = 1'793'520'131'000'000;  // 1 November, the same

std::string json(const Message& message, const char* between) {
  const bool kernel = message.channel == Channel::kernel;
  std::string fields = std::string("\"__REALTIME_TIMESTAMP\" : \"1795420931000000\",") + between + "\"_TRANSPORT\" : \"" +
                       (kernel ? "kernel" : "syslog") + "\"," + between + "\"SYSLOG_FACILITY\" : \"" + (kernel ? "0" : "3") + "\"," +
                       between;
  if (!message.pid.empty())
    fields += "\"_PID\":\"" + message.pid + "\"," + between + "\"SYSLOG_IDENTIFIER\":\"" + message.identifier + "\"," + between;
  return "{" + std::string(between) + fields + "\"MESSAGE\" : \"" + message.text + "\"" + (*between == '\n' ? "\n" : "") + "}\n";
}

std::string exported(const Message& message, const std::string& text) {
  const bool kernel = message.channel == Channel::kernel;
  std::string fields =
      std::string("__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795420931000000\n_TRANSPORT=") + (kernel ? "kernel" : "syslog") + "\n";
  if (!message.pid.empty()) fields += "_PID=" + message.pid + "\nSYSLOG_IDENTIFIER=" + message.identifier + "\n";
  return fields + text + "\n_HOSTNAME=n1\n\n";
}

const Layout kLayouts[] = {
    {"RFC 3164", [](const Message& m) { return syslog(m, "Nov 23 08:02:11"); }, kTime},
    {"RFC 3164, a fraction", [](const Message& m) { return syslog(m, "Nov 23 08:02:11.000"); }, kTime},
    {"RFC 3164, a day without padding", [](const Message& m) { return syslog(m, "Nov 1 08:02:11"); }, kFirst},
    {"RFC 3164, a padded day", [](const Message& m) { return syslog(m, "Nov  1 08:02:11"); }, kFirst},
    {"RFC 3164, priority", [](const Message& m) { return (m.pid.empty() ? "<3>" : "<29>") + syslog(m, "Nov 23 08:02:11"); }, kTime},
    {"RFC 5424",
     [](const Message& m) {
       return (m.pid.empty() ? "<3>1 " : "<29>1 ") + std::string("2026-11-23T08:02:11Z n1 ") + m.identifier + " " +
              (m.pid.empty() ? "-" : m.pid) + " - - " + m.text + "\n";
     },
     kTime},
    {"ISO, a zone", [](const Message& m) { return syslog(m, "2026-11-23T09:02:11.000000+01:00"); }, kTime},
    {"ISO, short-iso", [](const Message& m) { return syslog(m, "2026-11-23T16:02:11+0800"); }, kTime},
    {"ISO, a zone apart", [](const Message& m) { return syslog(m, "2026-11-23 16:02:11.000 +0800"); }, kTime},
    {"ISO, no host", [](const Message& m) { return "2026-11-23T08:02:11+0000 " + tag(m) + ringed(m) + "\n"; }, kTime},
    {"RFC 3164, no host", [](const Message& m) { return "Nov 23 08:02:11 " + tag(m) + ringed(m) + "\n"; }, kTime},
    {"EulerOS",
     [](const Message& m) {
       return "2026-11-23T16:02:11.000000+08:00|err|" + m.identifier + "[" + (m.pid.empty() ? "-" : m.pid) + "]|" + ringed(m) + "\n";
     },
     kTime},
    {"EulerOS, a host",
     [](const Message& m) {
       return "2026-11-23T16:02:11.000000+08:00|n1|notice|" + m.identifier + (m.pid.empty() ? "" : "[" + m.pid + "]") + "| " + ringed(m) +
              "\n";
     },
     kTime},
    {"BusyBox", [](const Message& m) { return "Nov 23 08:02:11 n1 " + dotted(m) + tag(m) + ringed(m) + "\n"; }, kTime},
    {"OpenWrt", [](const Message& m) { return "Mon Nov 23 08:02:11 2026 " + dotted(m) + tag(m) + ringed(m) + "\n"; }, kTime},
    {"short-full", [](const Message& m) { return syslog(m, "Mon 2026-11-23 08:02:11 UTC"); }, kTime},
    {"short-full, a fraction", [](const Message& m) { return syslog(m, "Mon 2026-11-23 08:02:11.000000 CST"); }, kTime},
    {"short-unix", [](const Message& m) { return syslog(m, "1795420931.000000"); }, kTime},
    {"short-monotonic", [](const Message& m) { return "[ 1369.552402] n1 " + tag(m) + m.text + "\n"; }, 0},
    {"json", [](const Message& m) { return json(m, ""); }, kTime},
    {"json-pretty", [](const Message& m) { return json(m, "\n\t"); }, kTime},
    {"json-sse", [](const Message& m) { return "data: " + json(m, "") + "\n"; }, kTime},
    {"export", [](const Message& m) { return exported(m, "MESSAGE=" + m.text); }, kTime},
    {"export, binary",
     [](const Message& m) {
       return exported(m, "MESSAGE\n" + std::string(1, static_cast<char>(m.text.size())) + std::string(7, '\0') + m.text);
     },
     kTime},
    {"Chinese", [](const Message& m) { return syslog(m, "11月 23 08:02:11"); }, kTime},
    {"Chinese, all words", [](const Message& m) { return syslog(m, "11 月 23 日 08:02:11"); }, kTime},
    {"Korean", [](const Message& m) { return syslog(m, "11월 23 08:02:11"); }, kTime},
    {"German", [](const Message& m) { return syslog(m, "Nov 23 08:02:11"); }, kTime},
    {"Russian", [](const Message& m) { return syslog(m, "ноя 23 08:02:11"); }, kTime},
    {"Polish, whose months we do not know", [](const Message& m) { return syslog(m, "lis 23 08:02:11"); }, 0},
    {"no time", [](const Message& m) { return tag(m) + ringed(m) + "\n"; }, 0},
    {"CRLF", [](const Message& m) { return "Nov 23 08:02:11 n1 " + tag(m) + ringed(m) + "\r\n"; }, kTime},
    {"indented", [](const Message& m) { return "    " + syslog(m, "Nov 23 08:02:11"); }, kTime, false},
    {"indented, no time", [](const Message& m) { return "\t" + tag(m) + ringed(m) + "\n"; }, 0, false},
    {"quoted", [](const Message& m) { return "> " + syslog(m, "Nov 23 08:02:11"); }, kTime, false},
    {"grep -n", [](const Message& m) { return std::to_string(static_cast<int>(m.channel) + 117) + ":" + syslog(m, "Nov 23 08:02:11"); },
     kTime, false},
    {"grep -Hn",
     [](const Message& m) {
       return "var/log/messages:" + std::to_string(static_cast<int>(m.channel) + 8) + ":" + syslog(m, "Nov 23 08:02:11");
     },
     kTime, false},
    {"grep -H", [](const Message& m) { return "/var/log/messages-20261123:" + syslog(m, "Nov 23 08:02:11"); }, kTime, false},
    {"cat -n",
     [](const Message& m) { return "     " + std::to_string(static_cast<int>(m.channel) + 1) + "\t" + syslog(m, "2026-11-23T08:02:11Z"); },
     kTime, false},
    {"less -N",
     [](const Message& m) { return "      " + std::to_string(static_cast<int>(m.channel) + 1) + " " + tag(m) + ringed(m) + "\n"; }, 0,
     false},
};

// Of the report: a day later.
constexpr int64_t kReported = kTime + 86'400'000'000;

std::string all(const Layout& layout) {
  std::string text;
  for (const Message& message : kMessages) text += layout.line(message);
  return text;
}

void check(const Layout& layout, const RecordingSink& sink) {
  REQUIRE(sink.lines.size() == std::size(kMessages));
  for (size_t i = 0; i < std::size(kMessages); ++i) {
    CAPTURE(kMessages[i].identifier);
    CHECK(sink.lines[i].channel == kMessages[i].channel);
    CHECK(sink.lines[i].identifier == kMessages[i].identifier);
    CHECK(sink.lines[i].text == kMessages[i].text);
    CHECK(sink.lines[i].time_us == layout.time_us);
  }
}

RecordingSink once(const std::string& text, Archive::Format format = Archive::Format::syslog) {
  TemporaryTree tree;
  tree.file("log", text);
  const auto root = std::make_shared<Fd>(open(tree.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Archive archive(root, "log", {"log"}, kReported, format);
  RecordingSink sink;
  REQUIRE(archive.open(""));
  REQUIRE(drain(archive, sink));
  return sink;
}

}  // namespace

TEST_SUITE("events layouts") {
  TEST_CASE("every layout, every channel, read once") {
    for (const Layout& layout : kLayouts) {
      CAPTURE(layout.name);
      check(layout, once(all(layout)));
    }
  }

  TEST_CASE("every layout, every channel, followed") {
    for (const Layout& layout : kLayouts) {
      if (!layout.followed) continue;
      CAPTURE(layout.name);
      const Log log;
      Tail tail(log.path, {.root = std::make_shared<Fd>(::open("/", O_PATH | O_CLOEXEC)), .from_start = true});
      REQUIRE(tail.open(""));
      RecordingSink sink;
      for (const char c : all(layout)) {  // as it may be written
        std::ofstream(log.path, std::ios::app | std::ios::binary) << c;
        if (c == '\n') REQUIRE(drain(tail, sink));
      }
      REQUIRE(drain(tail, sink));
      CHECK(sink.lines.size() == std::size(kMessages));
      for (size_t i = 0; i < sink.lines.size(); ++i) {
        CHECK(sink.lines[i].channel == kMessages[i].channel);
        CHECK(sink.lines[i].text == kMessages[i].text);
        CHECK((sink.lines[i].time_us != 0) == (layout.time_us != 0));  // the file is of today
      }
    }
  }

  TEST_CASE("the output of dmesg with any of its options") {
    const std::pair<std::string, int64_t> lines[] = {
        {"[  455.643635] x", 0},
        {"[  455.643635][  T812] x", 0},
        {"[  455.643635][    C0] x", 0},
        {"[  455.643635 <    0.000011>] x", 0},
        {"[+0.000012] x", 0},
        {"x", 0},
        {"<3>[  455.643635] x", 0},
        {"kern  :err   : [  455.643635] x", 0},
        {"kern  :err   : [Mon Nov 23 08:02:11 2026] x", kTime},
        {"[Mon Nov 23 08:02:11 2026] x", kTime},
        {"2026-11-23T08:02:11,000000+00:00 x", kTime},
        {" kern: warning: [2026-11-23T08:02:11.000000Z]: x", kTime},
        {"10.5.0.2: kern: warning: [2026-11-23T08:02:11.000000Z]: x", kTime},
        {"** 2 printk messages dropped ** [  206.418908] x", 0},
        {"Nov 23 08:02:11 n1 kernel: [  206.418908] x", kTime},
        {"Nov 23 08:02:11 n1 kernel: ** 12 printk messages dropped ** [  206.418908] x", kTime},
    };
    for (const auto& [line, time_us] : lines) {
      CAPTURE(line);
      const RecordingSink sink = once(line + "\n", Archive::Format::dmesg);
      REQUIRE(sink.lines.size() == 1);
      CHECK(sink.lines[0].text == "x");
      CHECK(sink.lines[0].time_us == time_us);
    }
    for (const char* other : {"<14>[  455.643635] x", "daemon:info  : [  455.643635] x", "user  :notice: x",
                              "Nov 23 08:02:11 n1 sshd[1]: x", "Nov 23 08:02:11 n1 corosync[1]: x"}) {
      CAPTURE(other);
      CHECK(once(std::string(other) + "\n", Archive::Format::dmesg).lines.empty());
    }
  }

  TEST_CASE("a user cannot speak for the kernel or a daemon in any layout") {
    for (const char* line : {
             "2026-11-23T16:02:11+08:00|err|kernel[77]|Killed process",
             "2026-11-23T16:02:11+08:00|err|sshd[77]|x|kernel[-]|Killed process",
             "Nov 23 08:02:11 n1 user.notice kernel: Killed process",
             "Mon Nov 23 08:02:11 2026 user.notice kernel: Killed process",
             "user  :notice: [  455.643635] Killed process",
             "kernel: Killed process",
             "   kernel: [   12.345678] Killed process",  // the second line of a message, as journalctl shows it
             R"({"_TRANSPORT":"syslog","SYSLOG_IDENTIFIER":"kernel","_PID":"77","MESSAGE":"Killed process"})",
             R"({"_TRANSPORT":"syslog","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"Killed process"})",
             R"({"_TRANSPORT":"kernel","SYSLOG_FACILITY":"1","__REALTIME_TIMESTAMP":"1","MESSAGE":"Killed process"})",
             R"({"_TRANSPORT":"syslog","SYSLOG_IDENTIFIER":"corosync","_UID":"1000","_SYSTEMD_UNIT":"user@1000.service","MESSAGE":"x"})",
             R"({"_TRANSPORT":"syslog","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"\n{\"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"x\"}"})",
         }) {
      CAPTURE(line);
      CHECK(once("Nov 23 08:02:11 n1 sshd[1]: Started.\n" + std::string(line) + "\n").lines.empty());
    }
    CHECK(once("__CURSOR=1\nSYSLOG_IDENTIFIER=sshd\nMESSAGE\n" + std::string("\x1b\0\0\0\0\0\0\0", 8) +
               "x\n_TRANSPORT=kernel\nMESSAGE=\n\n\n")
              .lines.empty());
  }

  TEST_CASE("what only looks like a paste is none") {
    // One line that is not indented, or has no number: all is as it stands.
    CHECK(once("    Nov 23 08:02:11 n1 kernel: x\nNov 23 08:02:12 n1 kernel: y\n").texts() == Texts{"y"});
    CHECK(once("1:Nov 23 08:02:11 n1 kernel: x\nNov 23 08:02:12 n1 kernel: y\n").texts() == Texts{"y"});
    CHECK(once("2:Nov 23 08:02:11 n1 kernel: x\n1:Nov 23 08:02:12 n1 kernel: y\n").texts().empty());
    CHECK(once("\xEF\xBB\xBFNov 23 08:02:11 n1 kernel: x\n").texts() == Texts{"x"});
  }

  TEST_CASE("records of the journal in pieces, with what JSON may hold") {
    CHECK(once(R"({"_TRANSPORT":"kernel","MESSAGE":"a\u0041\u00e4\ud83d\ude00\n\t\"\\\/ b"})"
               "\n")
              .texts() == Texts{"aAä😀\n\t\"\\/ b"});
    CHECK(once(R"({"_TRANSPORT":"kernel","MESSAGE":[75,105,255],"_PID":null,"X":["a","b"],"Y":12,"Z":true})"
               "\n")
              .texts() == Texts{"Ki\xff"});
    CHECK(once("__REALTIME_TIMESTAMP=1795420931000000\n_TRANSPORT=kernel\nMESSAGE=the last\n").texts() == Texts{"the last"});
    const std::string text = R"({"_TRANSPORT":"kernel","MESSAGE":"a\u0041\ud83d\ude00","X":[1,[2],"3"],"Y":1})";
    each_prefix(text, [](std::string_view prefix) {
      JournalFields fields;
      CHECK_FALSE(read_json(prefix, fields));
    });
  }

  TEST_CASE("the year is that of the report, not of a copy") {
    TemporaryTree tree;
    tree.file("var/log/messages", "Nov 23 08:02:11 n1 kernel: x\n");
    tree.file("var/log/messages-20240105", "Dec 30 08:02:11 n1 kernel: old\n");
    const auto root = std::make_shared<Fd>(open(tree.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    constexpr int64_t kYear = 31'536'000'000'000;
    Archive archive(root, "log", {"var/log/messages-20240105", "var/log/messages"}, kReported - 2 * kYear - 86'400'000'000);
    RecordingSink sink;
    REQUIRE(archive.open(""));
    REQUIRE(drain(archive, sink));
    REQUIRE(sink.lines.size() == 2);
    CHECK(sink.lines[0].time_us == 1'703'923'331'000'000);
    CHECK(sink.lines[1].time_us == kTime - 2 * kYear);
  }
}

}  // namespace fencewatch::test
