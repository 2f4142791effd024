#include "exporter/logs/state/state_file.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/collect/runner_fakes.h"
#include "tests/unit/tree.h"

// What the state file asks of the disk, in its order, by whoever of this program asks: the C library's own are behind it.
namespace disk {
std::atomic<int> refused = 0, synced = 0, renamed = 0, synced_when_renamed = 0;
std::atomic<bool> fails = false;
}  // namespace disk

extern "C" int fsync(int fd) {
  if (disk::fails) return ++disk::refused, errno = EIO, -1;
  ++disk::synced;
  return static_cast<int>(syscall(SYS_fsync, fd));
}

extern "C" int renameat(int from_dir, const char* from, int to_dir, const char* to) {
  ++disk::renamed;
  disk::synced_when_renamed = disk::synced.load();
  return static_cast<int>(syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

namespace fencewatch {
namespace {

using namespace std::chrono_literals;
using test::eventually;

Snapshot example() {
  Snapshot s;
  s.boot_id = "5c3e6d0a";
  s.positions = {{"kmsg", "5c3e6d0a:77"}, {"/var/log/a b", "12:34:ffee"}};
  s.marks[0] = {"kmsg", 1'700'000'000'123'456, {{1'700'000'000'000'000, 0xdeadbeef12345678, 3}, {-5, 0, 1}}};
  s.marks[2] = {"/var/log/a b", 0, {}};
  s.counts = {{"oom", "fencewatch_oom_kill_events_total{constraint=\"global\"} 3"}, {"custom", "x{a=\"b c\\n\"} 1 0.5:1"}};
  s.memories = {{"oom", "12 34 a b"}};
  return s;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// No file that this process writes may grow beyond this, as on a full disk.
class FileLimit {
 public:
  explicit FileLimit(rlim_t most) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{most, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }
  FileLimit(const FileLimit&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_;
};

}  // namespace

TEST_SUITE("events state") {
  TEST_CASE("a snapshot comes back from its text as it was") {
    Snapshot back;
    const std::string text = to_text(example());
    REQUIRE(from_text(text, back));
    CHECK(to_text(back) == text);
    CHECK(back.boot_id == "5c3e6d0a");
    CHECK(back.positions == example().positions);
    CHECK(back.counts == example().counts);
    CHECK(back.memories == example().memories);
    CHECK(back.marks[0].source == "kmsg");
    CHECK(back.marks[0].time_us == 1'700'000'000'123'456);
    REQUIRE(back.marks[0].recent.size() == 2);
    CHECK(back.marks[0].recent[0].hash == 0xdeadbeef12345678);
    CHECK(back.marks[0].recent[0].times == 3);
    CHECK(back.marks[0].recent[1].time_us == -5);
    CHECK(back.marks[2].source == "/var/log/a b");
    CHECK(back.marks[1].source.empty());
    CHECK(from_text(to_text({}), back));
    CHECK(back.positions.empty());
  }

  TEST_CASE("every prefix and every changed byte is refused, and nothing of it is left") {
    const std::string text = to_text(example());
    for (size_t n = 0; n < text.size(); ++n) {
      Snapshot out = example();
      const Status status = from_text(text.substr(0, n), out);
      CAPTURE(n);
      REQUIRE(status.code == Code::malformed);
      CHECK(status.line > 0);
      CHECK(out.counts.empty());
      std::string changed = text;
      changed[n] = static_cast<char>(changed[n] ^ 1);
      CHECK(from_text(changed, out).code == Code::malformed);
    }
  }

  TEST_CASE("a state of another version is not guessed at") {
    std::string text = to_text(example());
    text[std::string_view("fencewatch state ").size()] = '2';
    Snapshot out;
    const Status status = from_text(text, out);
    CHECK(status.line == 1);
    CHECK(status.text == "not a state of this version");
  }

  TEST_CASE("what is put is there after a restart, and the directory is made") {
    TemporaryTree tree;
    const std::string directory = tree / "var/lib/fencewatch";
    {
      StateFile state(directory);
      Snapshot none;
      CHECK(state.load(none).code == Code::missing);
      CHECK(state.saved_us() == 0);
      state.start();
      state.put(to_text(example()), 42);
      CHECK(eventually([&] { return state.saved_us() == 42; }));
      state.put(to_text({}), 43);
      state.put(to_text(example()), 44);
      CHECK(state.stop());
      CHECK(state.saved_us() == 44);
    }
    Snapshot back;
    StateFile again(directory);
    CHECK(again.load(back));
    CHECK(again.saved_us() > 44);
    CHECK(to_text(back) == to_text(example()));
    CHECK_FALSE(std::filesystem::exists(directory + "/state.new"));
  }

  TEST_CASE("a damaged state is told and replaced") {
    TemporaryTree tree;
    tree.file("state", "fencewatch state 1\nend 00000000\n");
    Snapshot out;
    StateFile state(tree.root());
    const Status status = state.load(out);
    CHECK(status.code == Code::malformed);
    CHECK(status.file == "state");
    state.start();
    state.put(to_text(example()), 1);
    CHECK(state.stop());
    CHECK(read_file(tree / "state") == to_text(example()));
  }

  TEST_CASE("a second process leaves the state of the first alone") {
    TemporaryTree tree;
    StateFile first(tree.root());
    Snapshot out;
    CHECK(first.load(out).code == Code::missing);
    StateFile second(tree.root());
    CHECK(second.load(out).code == Code::refused);
    second.start();
    second.put(to_text(example()), 1);
    CHECK(second.stop());
    CHECK_FALSE(std::filesystem::exists(tree / "state"));
  }

  TEST_CASE("a full disk leaves the earlier state, and is tried again by itself") {
    TemporaryTree tree;
    StateFile state(tree.root(), 1ms);
    Snapshot out;
    CHECK(state.load(out).code == Code::missing);
    state.start();
    state.put(to_text({}), 1);
    CHECK(eventually([&] { return state.saved_us() == 1; }));
    {
      const FileLimit full(10);
      state.put(to_text(example()), 2);
      CHECK(eventually([&] { return !std::filesystem::exists(tree / "state.new") && state.busy(); }));
      CHECK(state.saved_us() == 1);
      CHECK(read_file(tree / "state") == to_text({}));
    }
    CHECK(eventually([&] { return state.saved_us() == 2; }));
    CHECK(read_file(tree / "state") == to_text(example()));
  }

  TEST_CASE("a directory that cannot be written does not hold up the end") {
    for (const char* directory : {"/proc/self", "/proc/no/such", "/dev/null/x"}) {
      CAPTURE(directory);
      StateFile state(directory, 1ms);
      Snapshot out;
      CHECK_FALSE(state.load(out));
      state.start();
      state.put(to_text(example()), 1);
      CHECK(state.stop());
      CHECK(state.saved_us() == 0);
    }
  }

  TEST_CASE("a directory that comes later is used") {
    TemporaryTree tree;
    tree.file("later", "in the way");
    StateFile state(tree / "later", 1ms);
    Snapshot out;
    CHECK_FALSE(state.load(out));
    state.start();
    state.put(to_text(example()), 7);
    std::filesystem::remove(tree / "later");
    CHECK(eventually([&] { return state.saved_us() == 7; }));
    CHECK(read_file(tree / "later/state") == to_text(example()));
  }

  TEST_CASE("a directory that was removed is made anew") {
    TemporaryTree tree;
    StateFile state(tree / "d", 1ms);
    Snapshot out;
    CHECK(state.load(out).code == Code::missing);
    state.start();
    state.put(to_text({}), 1);
    CHECK(eventually([&] { return state.saved_us() == 1; }));
    std::filesystem::remove_all(tree / "d");
    state.put(to_text(example()), 2);
    CHECK(eventually([&] { return state.saved_us() == 2; }));
    CHECK(read_file(tree / "d/state") == to_text(example()));
  }

  TEST_CASE("what is renamed has been synced, and then the directory") {
    TemporaryTree tree;
    StateFile state(tree.root());
    Snapshot nothing;
    CHECK(state.load(nothing).code == Code::missing);
    disk::synced = disk::renamed = disk::synced_when_renamed = 0;
    state.start();
    state.put(to_text(example()), 1);
    CHECK(state.stop());
    CHECK(disk::renamed == 1);
    CHECK(disk::synced_when_renamed == 1);
    CHECK(disk::synced == 2);
  }

  TEST_CASE("a disk that does not sync leaves the state as it was") {
    TemporaryTree tree;
    const std::string before = to_text(example());
    tree.file("state", before);
    StateFile state(tree.root(), 1ms);
    Snapshot snapshot;
    REQUIRE(state.load(snapshot));
    snapshot.boot_id = "another";
    state.start();
    disk::fails = true;
    state.put(to_text(snapshot), 1);
    const int refused = disk::refused;
    CHECK(eventually([&] { return disk::refused >= refused + 3; }));
    CHECK(read_file(tree / "state") == before);
    disk::fails = false;
    CHECK(eventually([&] { return read_file(tree / "state") == to_text(snapshot); }));
    CHECK(state.stop());
  }

  TEST_CASE("what is damaged, too large or of a newer version is kept beside") {
    for (const std::string& text :
         {std::string("fencewatch state 2\nnew things\n"), to_text(example()).substr(5), std::string(5 << 20, 'x')}) {
      TemporaryTree tree;
      tree.file("state", text);
      StateFile state(tree.root());
      Snapshot snapshot;
      CHECK_FALSE(state.load(snapshot));
      CHECK(read_file(tree / "state.refused") == text);
      CHECK_FALSE(std::filesystem::exists(tree / "state"));
    }
  }

  TEST_CASE("what stands where the new state is written is no way to write elsewhere") {
    TemporaryTree tree, elsewhere;
    elsewhere.file("file", "mine");
    tree.link("state.new", elsewhere / "file");
    StateFile state(tree.root());
    Snapshot nothing;
    CHECK(state.load(nothing).code == Code::missing);
    state.start();
    state.put(to_text(example()), 1);
    CHECK(state.stop());
    CHECK(read_file(tree / "state") == to_text(example()));
    CHECK(read_file(elsewhere / "file") == "mine");
  }
}

}  // namespace fencewatch
