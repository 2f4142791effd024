// Journals are made by systemd-journal-remote from the export format, as journald would have written them.
#include "exporter/logs/sources/journal.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "exporter/base/line_buffer.h"
#include "exporter/logs/sources/previous_boot.h"
#include "tests/unit/logs/sink.h"
#include "tests/unit/tree.h"

using namespace fencewatch;
namespace fs = std::filesystem;

namespace {

constexpr const char* kWriter = "/lib/systemd/systemd-journal-remote";
constexpr const char* kBoot = "26ce0519f882443aa483e464cf2207a5";
constexpr int64_t kStart = 1'795'420'997'000'000;

bool can_write() {
  if (access(kWriter, X_OK) == 0) return true;
  MESSAGE("skip: " << kWriter << " is not installed");
  return false;
}

// A directory with journals of a machine. Entries are a second apart.
class Machine : public TemporaryTree {
 public:
  Machine() {
    directory("journal");
    file("boot_id", "26ce0519-f882-443a-a483-e464cf2207a5\n");
  }

  void kernel(const std::string& text, int facility = 0) {
    add("_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=kernel\nSYSLOG_FACILITY=" + std::to_string(facility) +
            "\n_SOURCE_MONOTONIC_TIMESTAMP=" + std::to_string(seconds_ * 1'000'000 - 250'000),
        text);
  }
  void says(const std::string& identifier, const std::string& text, const std::string& transport = "syslog",
            const std::string& more = "_UID=0\n") {
    add("_TRANSPORT=" + transport + "\nSYSLOG_IDENTIFIER=" + identifier + "\n" + more +
            "_SOURCE_REALTIME_TIMESTAMP=" + std::to_string(kStart + seconds_ * 1'000'000 - 500),
        text);
  }
  void add(const std::string& fields, const std::string& text) {
    const std::string now = std::to_string(kStart + seconds_ * 1'000'000);
    entries_ += "__REALTIME_TIMESTAMP=" + now + "\n__MONOTONIC_TIMESTAMP=" + std::to_string(seconds_ * 1'000'000) + "\n_BOOT_ID=" + boot +
                "\n" + fields + "\nMESSAGE=" + text + "\n\n";
    ++seconds_;
  }
  void write(const std::string& name = "system.journal") {
    file("export", entries_);
    entries_.clear();
    const std::string command =
        std::string(kWriter) + " -o " + (*this / ("journal/" + name)) + " " + (*this / "export") + " >/dev/null 2>&1";
    REQUIRE(std::system(command.c_str()) == 0);
  }
  Journal source() const { return Journal(*this / "journal", *this / "boot_id"); }

  std::string boot = kBoot;

 private:
  std::string entries_;
  int64_t seconds_ = 100;
};

struct Listener {
  explicit Listener(const Machine& machine, std::string_view position = "") : journal(machine.source()) { REQUIRE(journal.open(position)); }
  Texts news(size_t max = 100) {
    sink.lines.clear();
    REQUIRE(drain(journal, sink, max));
    return sink.texts();
  }
  Journal journal;
  RecordingSink sink;
};

}  // namespace

TEST_CASE("The journal tells every channel's lines, with who said them and when") {
  if (!can_write()) return;
  Machine machine;
  machine.kernel("Killed process 1 (x)");
  machine.says("corosync", "  [TOTEM ] Token has not been received in 2737 ms ");
  machine.says("pacemaker-schedulerd", " notice: x");
  machine.says("sbd", "y", "journal");
  machine.says("sshd", "[TOTEM ] z");
  machine.write();
  Listener listener(machine);
  CHECK(listener.news() == Texts{"Killed process 1 (x)", "[TOTEM ] Token has not been received in 2737 ms ", "notice: x", "y"});
  const auto& lines = listener.sink.lines;
  CHECK(lines[0].channel == Channel::kernel);
  CHECK(lines[0].identifier == "kernel");
  CHECK(lines[0].time_us == kStart + 100 * 1'000'000 - 250'000);
  CHECK(lines[1].channel == Channel::corosync);
  CHECK(lines[1].time_us == kStart + 101 * 1'000'000 - 500);
  CHECK(lines[2].channel == Channel::pacemaker);
  CHECK(lines[2].identifier == "pacemaker-schedulerd");
  CHECK(lines[3].channel == Channel::sbd);
  CHECK(listener.journal.name() == "journal");
  CHECK(listener.news().empty());
}

TEST_CASE("Spoofs do not count: of the kernel by anybody, of a daemon by a user") {
  if (!can_write()) return;
  Machine machine;
  const std::string killed = "Killed process 1 (x) total-vm:1kB", failed = "[TOTEM ] A processor failed";
  machine.says("kernel", killed);                                                           // logger -t kernel
  machine.says("kernel", killed, "journal");                                                // systemd-cat -t kernel
  machine.kernel(killed, 1);                                                                // echo > /dev/kmsg
  machine.add("_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=kernel", killed);                       // no facility: not as journald writes it
  machine.add("_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=corosync\nSYSLOG_FACILITY=3", failed);  // echo "corosync: …" > /dev/kmsg
  const std::string user = "_UID=1000\n_SYSTEMD_UNIT=";
  machine.says("corosync", failed, "syslog", user + "user@1000.service\n_SYSTEMD_USER_UNIT=corosync.service\n_COMM=corosync\n");  // prctl
  machine.says("corosync", failed, "syslog", user + "session-3.scope\n_COMM=corosync\n");
  machine.says("corosync", failed, "syslog", user + "corosyncd.service\n");
  machine.says("corosync", failed, "syslog", user + "pacemaker.service\n");
  machine.says("corosync", failed, "syslog", "_UID=1000\n_COMM=corosync\n");
  machine.says("corosync", "true 1", "syslog", user + "corosync.service\n");  // a daemon that runs as a user
  machine.says("pacemaker-schedulerd", "true 2", "syslog", "_UID=1017\n_SYSTEMD_UNIT=pacemaker_remote.service\n_COMM=pacemaker-sched\n");
  machine.says("corosync", "true 3", "syslog", "");
  machine.write();
  CHECK(Listener(machine).news() == Texts{"true 1", "true 2", "true 3"});
}

TEST_CASE("What a daemon says to syslog and to stderr counts once, whichever comes first; what it says twice counts twice") {
  if (!can_write()) return;
  Machine machine;
  const std::string text = "[TOTEM ] Retransmit List: 1";
  for (int n = 0; n < 2; ++n) {
    machine.says("corosync", "  " + text + " ");
    machine.says("corosync", "Nov 23 08:02:11 notice  " + text, "stdout");
  }
  machine.says("corosync", "notice  [TOTEM ] b", "stdout");
  machine.says("corosync", "  [TOTEM ] b");
  machine.says("corosync", "notice  [TOTEM ] only there", "stdout");
  machine.says("corosync", "notice  [TOTEM ] only there", "stdout");
  for (const char* both : {"  [TOTEM ] c", "  [TOTEM ] d"}) machine.says("corosync", both);
  for (const char* both : {"notice  [TOTEM ] c", "notice  [TOTEM ] d"}) machine.says("corosync", both, "stdout");
  machine.write();
  Listener all(machine);
  CHECK(all.news() ==
        Texts{text + " ", text + " ", "[TOTEM ] b", "[TOTEM ] only there", "[TOTEM ] only there", "[TOTEM ] c", "[TOTEM ] d"});

  // A restart between the two of a pair, wherever it is.
  for (int first = 0; first <= 12; ++first) {
    CAPTURE(first);
    Listener before(machine);
    bool more = true;
    if (first > 0) REQUIRE(before.journal.read(before.sink, first, more));
    Texts heard = before.sink.texts();
    Listener after(machine, before.journal.position());
    for (const std::string& news : after.news()) heard.push_back(news);
    CHECK(heard.size() == 7);
  }
}

TEST_CASE("A restart goes on behind the last entry; a vacuumed one behind the gap") {
  if (!can_write()) return;
  Machine machine;
  machine.kernel("a");
  machine.kernel("b");
  machine.write();
  Listener first(machine);
  CHECK(first.news() == Texts{"a", "b"});
  const std::string position = first.journal.position();
  CHECK(position.find_first_of(" \n") == position.npos);
  CHECK(Listener(machine, position).news().empty());

  machine.kernel("c");
  machine.write();
  CHECK(first.news() == Texts{"c"});
  CHECK(Listener(machine, position).news() == Texts{"c"});

  fs::rename(machine / "journal/system.journal", machine / "journal/system@1.journal");  // as journald rotates
  machine.kernel("d");
  machine.write();
  CHECK(first.news() == Texts{"d"});
  CHECK(Listener(machine, position).news() == Texts{"c", "d"});

  fs::remove(machine / "journal/system@1.journal");
  machine.kernel("e");
  machine.write();
  CHECK(first.news() == Texts{"e"});
  CHECK(Listener(machine, position).news() == Texts{"d", "e"});
}

TEST_CASE("Without a position from the beginning of this boot; with one from the boot before, on") {
  if (!can_write()) return;
  Machine machine;
  machine.boot = "00000000000000000000000000000001";
  machine.kernel("a");
  machine.kernel("b");
  machine.write();
  CHECK(Listener(machine).news().empty());
  std::string position;
  {
    machine.file("boot_id", "00000000-0000-0000-0000-000000000001\n");
    Listener then(machine);
    CHECK(then.news() == Texts{"a", "b"});
    machine.kernel("c");
    position = then.journal.position();
  }
  machine.file("boot_id", "26ce0519-f882-443a-a483-e464cf2207a5\n");
  machine.boot = kBoot;
  machine.kernel("d");
  machine.write();
  CHECK(Listener(machine).news() == Texts{"d"});
  CHECK(Listener(machine, position).news() == Texts{"c", "d"});
  CHECK(Listener(machine, "nonsense").news() == Texts{"d"});
  CHECK(Listener(machine, "@" + std::to_string(kStart + 101 * 1'000'000)).news() == Texts{"b", "c", "d"});
}

TEST_CASE("No more entries than asked for at once") {
  if (!can_write()) return;
  Machine machine;
  for (const char* text : {"a", "b", "c"}) machine.kernel(text);
  machine.write();
  Listener listener(machine);
  bool more = false;
  REQUIRE(listener.journal.read(listener.sink, 2, more));
  CHECK(more);
  CHECK(listener.sink.texts() == Texts{"a", "b"});
  CHECK(Listener(machine, listener.journal.position()).news() == Texts{"c"});
  CHECK(listener.news(1) == Texts{"c"});
}

TEST_CASE("A message that is too long is cut and counted") {
  if (!can_write()) return;
  Machine machine;
  machine.kernel(std::string(100'000, 'x'));
  machine.kernel(std::string(LineBuffer::kMaxLine, 'y'));
  machine.write();
  Listener listener(machine);
  CHECK(listener.news() == Texts{std::string(LineBuffer::kMaxLine, 'x'), std::string(LineBuffer::kMaxLine, 'y')});
  CHECK(listener.sink.lost_lines["too_long"] == 1);
}

TEST_CASE("Where there is no journal, or none that is one, the reason is told") {
  Machine machine;
  CHECK(Journal(machine / "none", machine / "boot_id").open("").code == Code::missing);
  CHECK(machine.source().open("").code == Code::missing);
  machine.file("journal/system.journal", "this is no journal");
  CHECK(machine.source().open("").code == Code::missing);
  CHECK(Journal(machine / "journal", machine / "none").open("").code == Code::missing);
  Journal closed = machine.source();
  RecordingSink sink;
  bool more = false;
  CHECK(closed.read(sink, 1, more).code == Code::io);
  CHECK(closed.fd() == -1);
}

TEST_CASE("A damaged journal is read as far as it goes, and never kills us") {
  if (!can_write()) return;
  Machine machine;
  for (int i = 0; i < 50; ++i) machine.says("corosync", "[TOTEM ] " + std::to_string(i));
  machine.write();
  std::ostringstream whole;
  whole << std::ifstream(machine / "journal/system.journal", std::ios::binary).rdbuf();
  const std::string good = whole.str();
  const size_t used = good.find_last_not_of('\0') + 1;
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    std::string bad = good;
    if (round % 4 == 0) bad.resize(random() % good.size());
    for (int n = round % 8; n > 0 && !bad.empty(); --n) bad[random() % std::min(used, bad.size())] = static_cast<char>(random());
    machine.file("journal/system.journal", bad);
    Journal journal = machine.source();
    if (!journal.open("")) continue;
    RecordingSink sink;
    bool more = true;
    for (int reads = 0; more && reads < 100; ++reads)
      if (!journal.read(sink, 100, more)) break;
    CHECK_FALSE(more);
    CHECK(sink.lines.size() <= 50);
  }
}

TEST_CASE("How the boot before this one ended") {
  if (!can_write()) return;
  const std::string stopped = "MESSAGE_ID=d93fb3c9c24d451a97cea615ce59c00b", started = "MESSAGE_ID=f77379a8490b408bbe5f6940505a777b";
  const auto clean = [](const Machine& machine) {
    return previous_boot_clean(machine / "journal", "26ce0519-f882-443a-a483-e464cf2207a5");
  };
  const auto told = [&](std::initializer_list<std::pair<std::string, std::string>> last_entries) {
    Machine machine;
    machine.boot = "0123456789abcdef0123456789abcdef";
    machine.kernel("Linux version 6.1");
    for (const auto& [fields, text] : last_entries) machine.add("_TRANSPORT=driver\n" + fields, text);
    machine.boot = kBoot;
    machine.add("_TRANSPORT=driver\n" + started, "Journal started");
    machine.kernel("Linux version 6.2");
    machine.write();
    return clean(machine);
  };
  const std::string x = "SYSLOG_IDENTIFIER=x";
  CHECK(told({{x, "a"}, {stopped, "Journal stopped"}}) == true);
  CHECK(told({{x, "Reached target reboot.target - System Reboot."}, {x, "a"}}) == true);
  CHECK(told({{x, "a"}, {x, "Reached target multi-user.target - Multi-User System."}}) == false);
  CHECK(told({{stopped, "Journal stopped"}, {started, "Journal started"}, {x, "a"}}) == false);
  Machine machine;
  machine.kernel("Linux version 6.2");
  machine.write();
  CHECK(clean(machine) == std::nullopt);
  CHECK(previous_boot_clean(machine / "none", kBoot) == std::nullopt);
  CHECK(previous_boot_clean(machine / "journal", "ffffffffffffffffffffffffffffffff") == std::nullopt);
}
