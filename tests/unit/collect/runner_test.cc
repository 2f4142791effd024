#include <unistd.h>

#include <stdexcept>

#include "tests/unit/allocations.h"
#include "tests/unit/collect/runner_fakes.h"

using namespace fencewatch;
using namespace fencewatch::test;

TEST_CASE("a scrape shows what was collected for it, and its health") {
  Rig rig;
  Runner& runner = rig.start();
  scrape(runner, runner.all(), -1s);
  CHECK_FALSE(runner.ready());
  CHECK(eventually([&] { return rig[2].begun == 1; }));
  const Scraped first = scrape(runner);
  CHECK(first.good);
  CHECK(runner.ready());
  CHECK(first["fake_0"] == "2");
  CHECK(first["fake_2"] == "2");
  CHECK(first.up("b") == "1");
  CHECK(first.available("b") == "1");
  CHECK(first.running("b") == 0);
  CHECK(scrape(runner)["fake_0"] == "3");
  CHECK(runner.stop());
  CHECK(runner.stop());
}

TEST_CASE("every reason of failure is there at 0 from the first scrape, ok and missing are none") {
  Rig rig;
  const Scraped first = scrape(rig.start());
  for (const char* reason : {"denied", "malformed", "io", "limit", "refused", "stuck", "internal"})
    CHECK(first.failures("a", reason) == "0");
  CHECK(first.failures("a", "ok") == "");
  CHECK(first.failures("a", "missing") == "");
}

TEST_CASE("the families of the exporter itself are declared and shown") {
  Rig rig;
  const Scraped scraped = scrape(rig.start());
  for (const Family& family : Runner::families()) {
    INFO(family.name);
    if (family.name == "fencewatch_collector_failing" || family.name == "fencewatch_recent_increase") continue;  // nothing is wrong
    CHECK(scraped.text.find("# TYPE " + std::string(family.name) + " ") != std::string::npos);
    CHECK(family.help.ends_with('.'));
  }
  CHECK(std::stod(scraped["process_resident_memory_bytes"]) > 1e6);
  CHECK(std::stod(scraped["process_open_fds"]) >= 3);
  CHECK(std::stod(scraped["process_start_time_seconds"]) > 1e9);
  CHECK(scraped.text.find("fencewatch_build_info{version=\"") != std::string::npos);
}

TEST_CASE("without exporter metrics only the collectors' health is left") {
  Rig rig;
  rig.config.exporter_metrics = false;
  const Scraped scraped = scrape(rig.start());
  CHECK(scraped.text.find("process_") == std::string::npos);
  CHECK(scraped.text.find("build_info") == std::string::npos);
  CHECK(scraped.up("a") == "1");
}

TEST_CASE("a fault throws the page away whole, and an old page is never shown again") {
  Rig rig;
  Runner& runner = rig.start();
  CHECK(scrape(runner)["fake_0"] == "1");
  rig[0].collect = [] { return malformed(12, "free").of("proc/zoneinfo"); };
  const Scraped faulty = scrape(runner);
  CHECK_FALSE(faulty.good);
  CHECK(faulty["fake_0"] == "");
  CHECK(faulty["fake_1"] == "2");
  CHECK(faulty.up("a") == "0");
  CHECK(faulty.available("a") == "1");
  CHECK(faulty.failures("a", "malformed") == "1");
  CHECK(runner.info()[0].last.line == 12);
  rig[0].collect = [] { return Status{}; };
  const Scraped healed = scrape(runner);
  CHECK(healed.good);
  CHECK(healed["fake_0"] == "3");
  CHECK(healed.failures("a", "malformed") == "1");
}

TEST_CASE("what grew lately is shown, of the collectors asked for, also when they fail later") {
  Rig rig;
  rig[0].recent = {{"x", 3}, {"y", 1}};
  Runner& runner = rig.start();
  CHECK(scrape(runner).text.find("recent_increase") == std::string::npos);
  rig[0].recent = {{"x", 5}, {"y", 1}};
  const std::string series = "fencewatch_recent_increase{counter=\"x\"}";
  const Scraped grown = scrape(runner);
  CHECK(grown[series] == "2");
  CHECK(grown.text.find("counter=\"y\"") == std::string::npos);
  CHECK(scrape(runner, 2)[series] == "");
  rig[0].collect = [] { return malformed(1, "x"); };
  CHECK(scrape(runner)[series] == "2");
}

TEST_CASE("nothing to read is not a failure") {
  Rig rig;
  rig[1].collect = [] { return Status{Code::missing, 0, "etc/x", {}}; };
  const Scraped scraped = scrape(rig.start());
  CHECK(scraped.good);
  CHECK(scraped["fake_1"] == "");
  CHECK(scraped.up("b") == "0");
  CHECK(scraped.available("b") == "0");
}

TEST_CASE("an exception is a failure of that collector alone") {
  Rig rig;
  rig[0].collect = []() -> Status { throw std::runtime_error("oh"); };
  rig[1].collect = []() -> Status { throw 1; };
  Runner& runner = rig.start();
  const Scraped scraped = scrape(runner);
  CHECK_FALSE(scraped.good);
  CHECK(scraped.failures("a", "internal") == "1");
  CHECK(scraped.failures("b", "internal") == "1");
  CHECK(scraped["fake_0"] == "");
  CHECK(scraped["fake_2"] == "1");
}

TEST_CASE("a mask collects and shows only what it names") {
  Rig rig;
  Runner& runner = rig.start();
  CHECK(scrape(runner).good);
  const Scraped scraped = scrape(runner, 0b010);
  CHECK(scraped.good);
  CHECK(scraped["fake_1"] == "2");
  CHECK(scraped["fake_0"] == "");
  CHECK(scraped.up("a") == "");
  CHECK(rig[0].begun == 1);
  CHECK(scrape(runner, 0).good);
}

TEST_CASE("a collector that is not enabled is not made") {
  Rig rig;
  rig.config.enabled = {true, false, true};
  Runner& runner = rig.start();
  CHECK(runner.enabled().size() == 2);
  const Scraped scraped = scrape(runner);
  CHECK(scraped["fake_2"] == "1");
  CHECK(scraped.up("b") == "");
}

TEST_CASE("a scrape that gives up shows what has come in, and nothing old") {
  Rig rig;
  Latch gate;
  Runner& runner = rig.start();
  CHECK(scrape(runner)["fake_1"] == "1");
  rig[1].collect = [&] { return gate.pass(), Status{}; };
  const Scraped scraped = scrape(runner, runner.all(), 50ms);
  CHECK_FALSE(scraped.good);
  CHECK(scraped["fake_1"] == "");
  CHECK(scraped.up("b") == "0");
  CHECK(scraped.failures("b", "stuck") == "0");
  CHECK(scraped.failing("b", "stuck") == "1");  // not in this scrape, whatever it was before
  gate.open();
  CHECK(scrape(runner).good);
}

TEST_CASE("scrapes share a collection that has not begun, and only such a one") {
  Rig rig;
  Latch gate;
  rig[0].collect = [&] { return gate.pass(), Status{}; };
  Runner& runner = rig.start();
  std::thread first([&] { CHECK(scrape(runner).good); });
  CHECK(eventually([&] { return rig[0].begun == 1; }));
  std::array<std::string, 3> shown;
  std::array<std::atomic<pid_t>, 3> ids{};
  std::vector<std::thread> others;
  for (size_t i = 0; i < shown.size(); ++i)
    others.emplace_back([&, i] {
      ids[i] = gettid();
      shown[i] = scrape(runner, 0b001)["fake_0"];
    });
  // The mutex is free while the collector is in the gate: one who sleeps waits for his collection.
  for (const auto& id : ids) CHECK(eventually([&] { return id != 0 && task_line(id, "status", "State:").find('S') != std::string::npos; }));
  gate.open();
  first.join();
  for (std::thread& other : others) other.join();
  for (const std::string& value : shown) CHECK(value == "2");
  CHECK(rig[0].begun == 2);
}

TEST_CASE("whatever comes together, every scrape gets values from after its begin, and no collector is entered twice") {
  Rig rig;
  Runner& runner = rig.start();
  std::atomic<int> stale{0};
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 4; ++i)
    scrapers.emplace_back([&] {
      for (int n = 0; n < 100; ++n) {
        const int before = rig[1].begun;
        if (std::stoi(scrape(runner)["fake_1"]) <= before) ++stale;
      }
    });
  for (std::thread& scraper : scrapers) scraper.join();
  CHECK(stale == 0);
  CHECK_FALSE(rig[1].twice);
}

TEST_CASE("a warm scrape allocates nothing") {
  Rig rig;
  Runner& runner = rig.start();
  Bytes out;
  out.reserve(1 << 16);
  const auto again = [&](Format format) {
    out.clear();
    return runner.scrape(runner.all(), format, Runner::Clock::now() + 60s, out);
  };
  CHECK(again(Format::openmetrics));
  const uint64_t before = allocations();
  const bool good = again(Format::openmetrics);
  const uint64_t after = allocations();
  CHECK(good);
  CHECK(after - before == 0);
}
