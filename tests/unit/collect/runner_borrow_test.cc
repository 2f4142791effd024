// A scraping thread that collects itself, and what becomes of its scrape when it is stuck.
#include <unistd.h>

#include <random>

#include "tests/unit/allocations.h"
#include "tests/unit/collect/runner_fakes.h"

using namespace fencewatch;
using namespace fencewatch::test;

namespace {

// Only while a collecting thread watches may a scraper borrow: right after the start, or after they have worked, it may not yet.
bool borrows(Rig& rig, Runner& runner, std::chrono::nanoseconds patience = 60s) {
  std::atomic<pid_t> by{0};
  rig[1].collect = [&] { return by = gettid(), Status{}; };
  const bool own = eventually([&] {
    Helper helper(runner);
    CHECK(scrape(runner, 0b010, patience, &helper).good);
    CHECK(helper.answers == 0);
    return by == gettid();
  });
  rig[1].collect = [] { return Status{}; };
  return own;
}

pid_t collected_by(Rig& rig, Runner& runner, std::chrono::nanoseconds patience) {
  std::atomic<pid_t> by{0};
  rig[1].collect = [&] { return by = gettid(), Status{}; };
  Helper helper(runner);
  CHECK(scrape(runner, 0b010, patience, &helper).good);
  rig[1].collect = [] { return Status{}; };
  return by;
}

}  // namespace

TEST_CASE("a scrape that can be saved collects on its own thread") {
  Rig rig(50ms);
  Runner& runner = rig.start();
  CHECK(borrows(rig, runner));
  Helper helper(runner);
  const Scraped scraped = scrape(runner, runner.all(), 60s, &helper);
  CHECK(scraped.good);
  for (const char* name : {"a", "b", "c"}) CHECK(scraped.up(name) == "1");
  CHECK_FALSE(helper.answered);
  CHECK(runner.stop());
}

TEST_CASE("without the time to be saved it does not") {
  Rig rig(20s);
  Runner& runner = rig.start();
  CHECK(borrows(rig, runner));
  CHECK(collected_by(rig, runner, 10s) != gettid());
}

TEST_CASE("a borrower that is stuck is saved: another answers with the rest, once") {
  Rig rig(50ms);
  LoopbackFilter gate;
  Runner& runner = rig.start();
  CHECK(borrows(rig, runner));
  rig[0].collect = [&] { return gate.pass(), Status{}; };
  Helper helper(runner);
  Scraped late;
  std::thread scraper([&] { late = scrape(runner, runner.all(), 60s, &helper); });
  CHECK(eventually([&] { return helper.answers == 1; }));
  CHECK(helper.given.up("a") == "0");
  CHECK(helper.given.up("b") == "1");
  CHECK(helper.given.up("c") == "1");
  CHECK(helper.given.failures("a", "stuck") == "1");

  // While it is stuck nobody else lends his thread, and nobody waits for it.
  CHECK(collected_by(rig, runner, 60s) != gettid());
  const Scraped meanwhile = scrape(runner);
  CHECK(meanwhile.up("a") == "0");
  CHECK(meanwhile.up("c") == "1");
  CHECK(meanwhile.failures("a", "stuck") == "1");
  CHECK(runner.info()[0].running);

  gate.open();
  scraper.join();
  CHECK(helper.answered);
  CHECK(helper.answers == 1);
  CHECK_FALSE(late.good);
  CHECK(late.text.empty());
  CHECK(eventually([&] { return scrape(runner).good; }));
  CHECK(borrows(rig, runner));
  for (size_t i = 0; i < kFakes; ++i) CHECK_FALSE(rig[i].twice);
  CHECK(runner.stop());
}

TEST_CASE("the one who answers for another may come to wait for a stuck collector as well") {
  Rig rig(50ms);
  LoopbackFilter gate;
  Runner& runner = rig.start();
  CHECK(borrows(rig, runner));
  rig[0].collect = rig[2].collect = [&] { return gate.pass(), Status{}; };
  Helper helper(runner);
  std::thread scraper([&] { (void)scrape(runner, runner.all(), 60s, &helper); });
  CHECK(eventually([&] { return helper.answers == 1; }));
  CHECK(helper.given.up("b") == "1");
  for (const char* name : {"a", "c"}) CHECK(helper.given.failures(name, "stuck") == "1");
  gate.open();
  scraper.join();
  CHECK(helper.answers == 1);
  CHECK(eventually([&] { return scrape(runner).good; }));
}

TEST_CASE("samples go on while scrapers collect") {
  Rig rig(1s);
  rig.specs[2].sample_every = 1ms;
  Runner& runner = rig.start();
  CHECK(eventually([&] {
    Helper helper(runner);
    CHECK(scrape(runner, runner.all(), 60s, &helper).good);
    return rig[2].samples >= 20;
  }));
  for (size_t i = 0; i < kFakes; ++i) CHECK_FALSE(rig[i].twice);
}

TEST_CASE("stop does not wait for a borrower that is stuck") {
  Rig rig(50ms);
  LoopbackFilter gate;
  Runner& runner = rig.start();
  CHECK(borrows(rig, runner));
  rig[0].collect = [&] { return gate.pass(), Status{}; };
  Helper helper(runner);
  std::thread scraper([&] { (void)scrape(runner, runner.all(), 60s, &helper); });
  CHECK(eventually([&] { return helper.answers == 1; }));
  CHECK_FALSE(runner.stop());
  gate.open();
  scraper.join();
  CHECK(runner.stop());
}

TEST_CASE("whoever is late, and whenever, every scrape is answered once") {
  Rig rig(3ms);
  Runner& runner = rig.start();
  for (size_t i = 0; i < kFakes; ++i)
    rig[i].collect = [i] {
      thread_local std::minstd_rand random(static_cast<unsigned>(gettid()) + static_cast<unsigned>(i));
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 16 == 0 ? 2500 + random() % 1500 : 0));
      return Status{};
    };
  std::atomic<int> wrong{0};
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 4; ++i)
    scrapers.emplace_back([&] {
      for (int n = 0; n < 150; ++n) {
        Helper helper(runner);
        const Scraped own = scrape(runner, runner.all(), 60s, &helper);
        if (helper.answers != (helper.answered ? 1 : 0)) ++wrong;
        if (own.text.empty() != helper.answered) ++wrong;
      }
    });
  for (std::thread& scraper : scrapers) scraper.join();
  CHECK(wrong == 0);
  for (size_t i = 0; i < kFakes; ++i) CHECK_FALSE(rig[i].twice);
  CHECK(eventually([&] { return scrape(runner).good; }));
  CHECK(runner.stop());
}

TEST_CASE("a warm scrape on its own thread allocates nothing") {
  Rig rig;
  Runner& runner = rig.start();
  CHECK(borrows(rig, runner));
  Bytes out;
  out.reserve(1 << 16);
  Helper helper(runner);
  const auto again = [&] {
    out.clear();
    return runner.scrape(runner.all(), Format::openmetrics, Runner::Clock::now() + 60s, out, &helper);
  };
  CHECK(again());
  const uint64_t before = allocations();
  const bool good = again();
  const uint64_t after = allocations();
  CHECK(good);
  CHECK(after - before == 0);
}
