#include "tests/unit/collect/runner_fakes.h"

using namespace fencewatch;
using namespace fencewatch::test;

TEST_CASE("a stuck collector delays one scrape, is never started twice and comes back by itself") {
  Rig rig(1s);
  Latch gate;
  rig[0].collect = [&] { return gate.pass(), Status{}; };
  Runner& runner = rig.start();

  const Scraped first = scrape(runner);
  CHECK_FALSE(first.good);
  CHECK(first.took >= 1s);
  CHECK(first.took < 10s);
  CHECK(first["fake_0"] == "");
  CHECK(first["fake_1"] == "1");
  CHECK(first["fake_2"] == "1");
  CHECK(first.up("a") == "0");
  CHECK(first.up("b") == "1");
  CHECK(first.running("a") >= 1);
  CHECK(first.failures("a", "stuck") == "1");
  CHECK(first.failing("a", "stuck") == "1");
  CHECK(first.text.find("collector_failing{collector=\"b\"") == std::string::npos);

  for (int i = 2; i < 5; ++i) {
    const Scraped later = scrape(runner);
    CHECK(later.took < 1s);
    CHECK(later["fake_1"] == std::to_string(i));
    CHECK(later.running("a") > first.running("a"));
    CHECK(later.failures("a", "stuck") == "1");
    CHECK(later.failing("a", "stuck") == "1");
  }
  CHECK(rig[0].begun == 1);
  CHECK(runner.info()[0].running);

  gate.open();
  CHECK(eventually([&] { return !runner.info()[0].running; }));
  const Scraped healed = scrape(runner);
  CHECK(healed.good);
  CHECK(healed["fake_0"] == "2");
  CHECK(healed.running("a") == 0);
  CHECK(healed.text.find("collector_failing") == std::string::npos);
  CHECK_FALSE(rig[0].twice);
  CHECK(runner.stop());
}

TEST_CASE("the page of a collection that came too late is not shown") {
  Rig rig(50ms);
  Latch gate;
  rig[0].collect = [&] { return gate.pass(), Status{}; };
  Runner& runner = rig.start();
  CHECK(scrape(runner)["fake_0"] == "");
  gate.open();
  CHECK(eventually([&] { return !runner.info()[0].running; }));
  CHECK(scrape(runner, 0b010)["fake_0"] == "");
  CHECK_FALSE(runner.info()[0].up);
}

TEST_CASE("two stuck at once, and stuck again") {
  Rig rig(50ms);
  for (int round = 1; round <= 3; ++round) {
    Latch gate;
    rig[0].collect = rig[2].collect = [&] { return gate.pass(), Status{}; };
    if (round == 1) rig.start();
    Runner& runner = *rig.runner;
    const Scraped scraped = scrape(runner);
    CHECK_FALSE(scraped.good);
    CHECK(scraped["fake_1"] == std::to_string(2 * round - 1));
    CHECK(scraped.failures("a", "stuck") == std::to_string(round));
    CHECK(scraped.failures("c", "stuck") == std::to_string(round));
    gate.open();
    CHECK(eventually([&] { return !runner.info()[0].running && !runner.info()[2].running; }));
    CHECK(scrape(runner, 0b010).good);
  }
  CHECK(rig[0].begun == 3);
  CHECK_FALSE(rig[0].twice);
  CHECK(rig.runner->stop());
}

TEST_CASE("all threads are made at the start; when all are stuck the other collectors say so at once") {
  Rig rig(50ms);
  Latch latch;
  std::vector<Spec> specs;
  for (const char* name : {"a1", "a2", "a3", "a4"}) specs.push_back(rig.specs[0]), specs.back().name = name;
  specs.push_back(rig.specs[1]);
  std::vector<const Spec*> pointers;
  for (const Spec& spec : specs) pointers.push_back(&spec);
  rig.config.enabled.assign(specs.size(), true);
  Runner runner(pointers, rig.config, rig.node);
  runner.start();
  CHECK(eventually([] { return threads_named("collect") == 4; }));
  rig[0].collect = [&] { return latch.pass(), Status{}; };
  const Scraped stuck = scrape(runner);
  for (const char* name : {"a1", "a2", "a3", "a4", "b"}) CHECK(stuck.failing(name, "stuck") == "1");
  CHECK(stuck.took < 20s);  // not to the end of its patience
  CHECK(threads_named("collect") == 4);
  latch.open();
  CHECK(eventually([&] { return scrape(runner).good; }));
  CHECK(threads_named("collect") == 4);
  CHECK(runner.stop());
}

TEST_CASE("all stuck: the health is still there") {
  Rig rig(50ms);
  Latch gate;
  for (size_t i = 0; i < kFakes; ++i) rig[i].collect = [&] { return gate.pass(), Status{}; };
  Runner& runner = rig.start();
  for (int i = 0; i < 2; ++i) {
    const Scraped scraped = scrape(runner);
    for (const char* name : {"a", "b", "c"}) CHECK(scraped.failures(name, "stuck") == "1");
  }
  gate.open();
  CHECK(eventually([&] { return scrape(runner).good; }));
}

TEST_CASE("stop leaves a stuck thread behind, which does no harm when it returns") {
  auto gate = std::make_shared<Latch>();
  Rig rig(50ms);
  rig[0].collect = [gate] { return gate->pass(), Status{}; };
  CHECK_FALSE(scrape(rig.start()).good);
  CHECK_FALSE(rig.runner->stop());
  rig.runner.reset();
  CHECK_FALSE(rig[0].gone);
  gate->open();
  CHECK(eventually([&] { return rig[0].gone.load(); }));
}

TEST_CASE("samples are taken between scrapes, with the time since the last one") {
  Rig rig;
  std::mutex mutex;
  std::vector<std::chrono::nanoseconds> elapsed;
  rig.specs[1].sample_every = 5ms;
  rig[1].sample = [&](std::chrono::nanoseconds e) {
    const std::lock_guard lock(mutex);
    elapsed.push_back(e);
    return Status{Code::ok};
  };
  Runner& runner = rig.start();
  CHECK(eventually([&] { return rig[1].samples >= 3; }));
  CHECK(scrape(runner).good);
  CHECK(runner.stop());
  CHECK(elapsed[0] == 0ns);
  CHECK(elapsed[1] >= 5ms);
  CHECK(rig[0].samples == 0);
  CHECK_FALSE(rig[1].twice);
}

namespace {

void work(std::chrono::nanoseconds cpu_time) {
  const auto used = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  const auto begin = used();
  while (used() - begin < cpu_time) {
  }
}

}  // namespace

TEST_CASE("a costly sampler is called more rarely: at most a thousandth of one CPU") {
  Rig rig;
  std::atomic<int64_t> second{0};
  rig.specs[0].sample_every = 1ms;
  rig[0].sample = [&](std::chrono::nanoseconds e) {
    if (e != 0ns && second == 0) second = e.count();
    return work(300us), Status{};
  };
  rig.start();
  CHECK(eventually([&] { return second != 0; }));
  CHECK(std::chrono::nanoseconds(second) >= 300ms);
}

TEST_CASE("until a costly sampler is due again it glances, and comes at once when that asks for it") {
  Rig rig;
  std::atomic<bool> quiet{true};
  rig.specs[0].sample_every = 1ms;
  rig.specs[0].glances = true;
  rig[0].sample = [&](std::chrono::nanoseconds) { return work(10ms), Status{}; };
  rig[0].glance = [&] { return quiet.load(); };
  rig.start();
  CHECK(eventually([&] { return rig[0].glances >= 2; }));
  CHECK(rig[0].samples == 1);  // 10 s may pass before the next
  quiet = false;
  CHECK(eventually([&] { return rig[0].samples >= 3; }));
  CHECK_FALSE(rig[0].twice);
}

TEST_CASE("a sampler that does not say so is never glanced at") {
  Rig rig;
  rig.specs[0].sample_every = 1ms;
  rig.start();
  CHECK(eventually([&] { return rig[0].samples >= 3; }));
  CHECK(rig[0].glances == 0);
}

TEST_CASE("a failing sample is counted and does not take the collector down") {
  Rig rig;
  rig.specs[0].sample_every = 1h;
  rig[0].sample = [](std::chrono::nanoseconds) -> Status { throw 1; };
  Runner& runner = rig.start();
  CHECK(eventually([&] { return scrape(runner).failures("a", "internal") == "1"; }));
  CHECK(scrape(runner).good);
}

TEST_CASE("a stuck sample is found by the next scrape") {
  Rig rig(50ms);
  Latch gate;
  rig.specs[0].sample_every = 1h;
  rig[0].sample = [&](std::chrono::nanoseconds) { return gate.pass(), Status{}; };
  Runner& runner = rig.start();
  CHECK(eventually([&] { return rig[0].samples == 1; }));
  const Scraped scraped = scrape(runner);
  CHECK(scraped["fake_1"] == "1");
  CHECK(scraped.up("a") == "0");
  CHECK(scraped.failures("a", "stuck") == "1");
  CHECK(rig[0].begun == 0);
  gate.open();
  CHECK(eventually([&] { return !runner.info()[0].running; }));
  CHECK(scrape(runner).good);
}
