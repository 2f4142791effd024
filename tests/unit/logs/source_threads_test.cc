#include "exporter/logs/source_threads.h"

#include <doctest/doctest.h>

#include <atomic>

#include "tests/unit/collect/runner_fakes.h"
#include "tests/unit/logs/fakes.h"

namespace fencewatch {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::FakeLog;
using test::Latch;

// Hangs in the call that it is told to, while the latch is closed.
struct Hanging {
  enum Call { none, open, read, speaks };
  std::atomic<Call> in = none;
  std::atomic<bool> throws = false;
  std::shared_ptr<Latch> latch = std::make_shared<Latch>();
  std::atomic<int> alive = 0;
};

class HangingSource final : public test::FakeSource {
 public:
  HangingSource(FakeLog& log, std::shared_ptr<Hanging> hanging) : FakeSource("a", log), hanging_(std::move(hanging)) { ++hanging_->alive; }
  ~HangingSource() override { --hanging_->alive; }
  Status open(std::string_view position) override { return pass(Hanging::open), FakeSource::open(position); }
  Status read(Sink& sink, size_t max, bool& more) override {
    if (hanging_->throws) throw std::bad_alloc();
    sink.rotated();
    return pass(Hanging::read), FakeSource::read(sink, max, more);
  }
  bool speaks(Channel channel) const override { return pass(Hanging::speaks), FakeSource::speaks(channel); }
  int fd() const override { return 7; }
  int64_t unread() const override { return 42; }

 private:
  void pass(Hanging::Call call) const {
    if (hanging_->in == call) hanging_->latch->pass();
  }
  const std::shared_ptr<Hanging> hanging_;
};

struct Heard : Sink {
  void line(const Line& line) override { texts.push_back(std::string(line.identifier) + ":" + std::string(line.text)); }
  void lost(Channel, std::string_view reason, uint64_t lines) override {
    texts.push_back(std::string(reason) + " " + std::to_string(lines));
  }
  void rotated() override { ++rotations; }
  std::vector<std::string> texts;
  int rotations = 0;
};

struct Rig {
  explicit Rig(std::chrono::milliseconds stuck = 1h) : threads(20ms, stuck) {
    log.add(1, "one");
    log.add(2, "two");
    log.loses = 3;
    source = make();
    threads.start();
  }
  ~Rig() {
    hanging->latch->open();
    source.reset();
    CHECK(threads.stop(10s));
    CHECK(hanging->alive == 0);
  }
  std::unique_ptr<Source> make() {
    return threads.source("a", [this] { return std::make_unique<HangingSource>(log, hanging); });
  }
  Status read() { return source->read(heard, 100, more); }

  FakeLog log;
  std::shared_ptr<Hanging> hanging = std::make_shared<Hanging>();
  SourceThreads threads;
  std::unique_ptr<Source> source;
  Heard heard;
  bool more = true;
};

const std::vector<std::string> kAll = {"overrun 3", "kernel:one", "kernel:two"};

}  // namespace

TEST_SUITE("events source threads") {
  TEST_CASE("a source on its own thread tells what it tells without") {
    Rig rig;
    CHECK(rig.source->open("id:0"));
    CHECK(rig.source->position() == "id:0");
    CHECK(rig.read());
    CHECK(rig.heard.texts == kAll);
    CHECK(rig.heard.rotations == 1);
    CHECK_FALSE(rig.more);
    CHECK_FALSE(rig.source->late());
    CHECK(rig.source->position() == "id:2");
    CHECK(rig.source->fd() == 7);
    CHECK(rig.source->unread() == 42);
    CHECK(rig.source->name() == "a");
    rig.log.silent = true;
    CHECK_FALSE(rig.source->speaks(Channel::kernel));
    rig.log.reads = {Code::io};
    CHECK(rig.read().code == Code::io);
  }

  TEST_CASE("what a late call has read comes once, when it is back") {
    Rig rig;
    CHECK(rig.source->open("id:0"));
    rig.hanging->in = Hanging::read;
    for (int i = 0; i < 3; ++i) {
      CHECK(rig.read());
      CHECK(rig.source->late());
      CHECK(rig.source->fd() == -1);
      CHECK(rig.source->position() == "id:0");
      CHECK(rig.source->speaks(Channel::kernel));
    }
    CHECK(rig.heard.texts.empty());
    rig.hanging->latch->open();
    CHECK(eventually([&] { return rig.read() && !rig.source->late(); }));
    CHECK(rig.heard.texts == kAll);
    CHECK(rig.source->position() == "id:2");
  }

  TEST_CASE("a call that does not come back is stuck, and so is another source of that name until it does") {
    Rig rig(50ms);
    CHECK(rig.source->open("id:0"));
    rig.hanging->in = Hanging::read;
    CHECK(eventually([&] { return rig.read().code == Code::stuck; }));
    rig.source = rig.make();
    CHECK(rig.source->open("id:0").code == Code::stuck);
    rig.hanging->latch->open();
    CHECK(eventually([&] { return bool(rig.source->open("id:0")); }));
    CHECK(rig.read());
    CHECK(rig.heard.texts.back() == "kernel:two");
  }

  TEST_CASE("a late open is stuck at once; nothing is left of it when it is back") {
    Rig rig;
    rig.hanging->in = Hanging::open;
    CHECK(rig.source->open("").code == Code::stuck);
    rig.source.reset();
    rig.hanging->latch->open();
    CHECK(eventually([&] { return rig.hanging->alive == 0; }));
  }

  TEST_CASE("what hangs holds up no other, and the end only as long as it may") {
    Rig rig;
    FakeLog other;
    other.add(1, "one");
    rig.hanging->in = Hanging::open;
    CHECK(rig.source->open("").code == Code::stuck);
    const auto beside = rig.threads.source("b", [&] { return std::make_unique<test::FakeSource>("b", other); });
    CHECK(beside->open("id:0"));
    Heard heard;
    CHECK(beside->read(heard, 100, rig.more));
    CHECK(heard.texts.size() == 1);
    CHECK_FALSE(rig.threads.stop(1ms));
  }

  TEST_CASE("a source that is not there, and one that throws") {
    Rig rig;
    const auto none = rig.threads.source("none", [] { return std::unique_ptr<Source>(); });
    CHECK(none->open("").code == Code::missing);
    CHECK(rig.source->open(""));
    rig.hanging->throws = true;
    CHECK(rig.read().code == Code::internal);
  }
}

}  // namespace fencewatch
