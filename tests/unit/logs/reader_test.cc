#include "exporter/logs/reader.h"

#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>

#include "exporter/collect/counts.h"
#include "tests/unit/allocations.h"
#include "tests/unit/collect/runner_fakes.h"
#include "tests/unit/logs/fakes.h"
#include "tests/unit/tree.h"

namespace fencewatch {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::FakeLogs;
using test::Latch;
using Listener = LogReader::Listener;

constexpr Family kEvents[] = {{"fencewatch_test_events_total", Type::counter, "Events.", ""}};

// Counts its events where the state file sees it.
class Counting : public test::Hearer {
 public:
  Counting() : Hearer({test::kernel_pattern("event")}), events(counts_.counter(kEvents[0])) {
    then = [this](const Match& match) { events.Increment(match.line.repeated); };
  }
  Counts* counts() override { return &counts_; }
  std::string memory() const override { return heard.empty() ? remembered : heard.back(); }
  void remember(std::string_view memory) override { remembered = memory; }
  std::string remembered;

 private:
  Counts counts_{kEvents};

 public:
  prometheus::Counter& events;
};

std::string shown(const LogReader& reader) {
  Page page;
  reader.write(page);
  Bytes out;
  page.render(Format::text, out);
  return "\n" + std::string(out.view());
}
double seconds_since_1970() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }
bool shows(const LogReader& reader, const std::string& line) { return shown(reader).find("\n" + line + "\n") != std::string::npos; }

LogReader::Setup setup(FakeLogs& logs, std::string state = {}) { return {logs.sources({"a", "b"}), {"boot", 1}, std::move(state), 1ms}; }

// A source that does what a test tells it.
struct Scripted : Source {
  Scripted(std::function<bool()> r, int f) : reads(std::move(r)), descriptor(f) {}
  std::string_view name() const override { return "scripted"; }
  Status open(std::string_view) override { return {}; }
  Status read(Sink&, size_t, bool& more) override { return more = reads(), Status{}; }
  int fd() const override { return descriptor; }
  std::string position() const override { return "1"; }

  std::function<bool()> reads;
  int descriptor;
};

LogReader::Setup scripted(std::function<bool()> reads, int descriptor = -1) {
  LogReader::Setup setup;
  setup.sources.order.fill({"scripted"});
  setup.sources.make = [=](const std::string&) { return std::make_unique<Scripted>(reads, descriptor); };
  return setup;
}

}  // namespace

TEST_SUITE("events reader") {
  TEST_CASE("everything that is there is read on the calling thread") {
    FakeLogs logs;
    for (int i = 0; i < 2500; ++i) logs["a"].add(1 + i, i % 2 == 0 ? "event" : "noise");
    Counting counting;
    LogReader reader(setup(logs), {{"counting", &counting}});
    CHECK(shows(reader, "fencewatch_log_lines_total{channel=\"kernel\"} 0"));
    reader.read_all();
    CHECK(counting.events.Value() == 1250);
    CHECK(shows(reader, "fencewatch_log_lines_total{channel=\"kernel\"} 2500"));
    CHECK(shows(reader, "fencewatch_log_bytes_total 12500"));
    CHECK(shows(reader, "fencewatch_log_source_info{channel=\"kernel\",source=\"a\"} 1"));
    CHECK(shows(reader, "fencewatch_log_lines_lost_total{channel=\"kernel\",reason=\"overrun\"} 0"));
    CHECK(shown(reader).find("last_lost") == std::string::npos);
    CHECK(shows(reader, "fencewatch_log_lag_seconds 0"));
    CHECK(shown(reader).find("state_saved") == std::string::npos);
    CHECK(shown(reader).find("pacemaker") == std::string::npos);
  }

  TEST_CASE("when lines were last lost is told by this clock") {
    FakeLogs logs;
    logs["a"].loses = 7;
    Counting counting;
    LogReader reader(setup(logs), {{"counting", &counting}});
    const double before = seconds_since_1970();
    reader.read_all();
    const std::string text = shown(reader), name = "\nfencewatch_log_last_lost_timestamp_seconds{channel=\"kernel\"} ";
    const size_t at = text.find(name);
    REQUIRE(at != std::string::npos);
    const double told = std::stod(text.substr(at + name.size()));
    CHECK(told >= before);
    CHECK(told <= seconds_since_1970());
  }

  TEST_CASE("what is shown is declared") {
    FakeLogs logs;
    logs["a"];
    TemporaryTree tree;
    Counting counting;
    LogReader reader(setup(logs, tree.root()), {{"counting", &counting}});
    reader.start();
    CHECK(eventually([&] { return shown(reader).find("state_saved") != std::string::npos; }));
    Page page;
    reader.write(page);
    std::vector<const Family*> declared;
    for (const Family& family : LogReader::families()) declared.push_back(&family);
    CHECK(page.families() == declared);
  }

  TEST_CASE("what is shown again allocates nothing") {
    FakeLogs logs;
    logs["a"].loses = 3;
    TemporaryTree tree;
    Counting counting;
    LogReader reader(setup(logs, tree.root()), {{"counting", &counting}});
    reader.read_all();
    Page page;
    reader.write(page);
    page.clear();
    const uint64_t before = test::thread_allocations();
    reader.write(page);
    CHECK(test::thread_allocations() == before);
  }

  TEST_CASE("the thread counts and saves, and the next process goes on") {
    TemporaryTree tree;
    FakeLogs logs;
    logs["a"].add(1, "event");
    logs["a"].add(2, "event");
    {
      Counting counting;
      LogReader reader(setup(logs, tree.root()), {{"counting", &counting}});
      reader.start();
      CHECK(eventually([&] { return counting.events.Value() == 2; }));
      CHECK(reader.stop());
      CHECK(shown(reader).find("fencewatch_state_saved_timestamp_seconds") != std::string::npos);
    }
    logs["a"].add(3, "event");
    Counting counting;
    LogReader reader(setup(logs, tree.root()), {{"counting", &counting}});
    CHECK(counting.events.Value() == 2);
    CHECK(counting.remembered == "0:event");
    reader.read_all();
    CHECK(counting.events.Value() == 3);
  }

  TEST_CASE("what a collector that is switched off has counted is kept for it") {
    TemporaryTree tree;
    FakeLogs logs;
    logs["a"].add(1, "event");
    Counting counting, other;
    for (const std::vector<Listener>& listeners :
         {std::vector<Listener>{{"counting", &counting}, {"other", &other}}, {{"other", &other}}}) {
      LogReader reader(setup(logs, tree.root()), listeners);
      reader.start();
      CHECK(eventually([&] { return other.events.Value() >= 1; }));
      CHECK(reader.stop());
    }
    Counting again;
    LogReader reader(setup(logs, tree.root()), {{"counting", &again}});
    CHECK(again.events.Value() == 1);
    CHECK(again.remembered == "0:event");
  }

  TEST_CASE("a damaged state is put aside and counting begins anew") {
    TemporaryTree tree;
    tree.file("state", "rubbish");
    FakeLogs logs;
    logs["a"].add(1, "event");
    Counting counting;
    LogReader reader(setup(logs, tree.root()), {{"counting", &counting}});
    reader.read_all();
    CHECK(counting.events.Value() == 1);
  }

  TEST_CASE("without a place for the state everything else goes on") {
    FakeLogs logs;
    logs["a"].add(1, "event");
    for (const char* directory : {"/proc/self", "/dev/null/x"}) {
      Counting counting;
      LogReader reader(setup(logs, directory), {{"counting", &counting}});
      reader.start();
      CHECK(eventually([&] { return counting.events.Value() == 1; }));
      CHECK(shown(reader).find("state_saved") == std::string::npos);
      CHECK(reader.stop());
    }
  }

  TEST_CASE("two with one state directory: the second counts without") {
    TemporaryTree tree;
    FakeLogs logs;
    logs["a"].add(1, "event");
    Counting counting, second_counting;
    LogReader first(setup(logs, tree.root()), {{"counting", &counting}});
    LogReader second(setup(logs, tree.root()), {{"counting", &second_counting}});
    second.start();
    CHECK(eventually([&] { return second_counting.events.Value() == 1; }));
    CHECK(second.stop());
    CHECK(shown(second).find("state_saved") == std::string::npos);
  }

  TEST_CASE("a source that hangs holds up neither who looks nor the end, and the lag tells") {
    const auto gate = std::make_shared<Latch>();
    const auto inside = std::make_shared<std::atomic<bool>>(false);
    Counting counting;
    {
      LogReader reader(scripted([=] { return *inside = true, gate->pass(), false; }), {{"counting", &counting}});
      reader.start();
      CHECK(eventually([&] { return inside->load(); }));
      CHECK(eventually([&] { return !shows(reader, "fencewatch_log_lag_seconds 0"); }));
      CHECK_FALSE(reader.stop(1ms));
    }
    gate->open();
  }

  TEST_CASE("a descriptor that is always readable is no busy loop") {
    const int always = eventfd(1, EFD_CLOEXEC);
    std::atomic<int64_t> reads = 0;
    Counting counting;
    LogReader reader(scripted([&] { return ++reads, false; }, always), {{"counting", &counting}});
    const auto begin = std::chrono::steady_clock::now();
    reader.start();
    CHECK(eventually([&] { return reads >= 5; }));
    CHECK(reader.stop());
    const auto took = std::chrono::steady_clock::now() - begin;
    CHECK(reads <= took / 10ms + 2);
    close(always);
  }
}

}  // namespace fencewatch
