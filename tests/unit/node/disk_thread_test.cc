// A disk that hangs is a Node whose calls wait until the test lets them go.
#include "exporter/node/disk_thread.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/unit/allocations.h"
#include "tests/unit/collect/runner_fakes.h"

namespace fencewatch {
namespace {

using test::eventually;
using test::Latch;

constexpr std::string_view kFile = "etc/corosync/corosync.conf";

struct Disk final : Node {
  Status read(std::string_view path, Bytes& out) const override {
    out.clear();
    by_caller = std::this_thread::get_id() == caller;
    if (path == hung) entered = true, latch.pass();
    if (path == "etc/missing") return Status{Code::missing, 0, path, "No such file or directory"};
    out.append(std::to_string(++reads));
    return {};
  }
  Status list(std::string_view dir, Names& out) const override {
    out = {std::string(dir)};
    return {};
  }
  long page_size() const override { return 4096; }

  const std::thread::id caller = std::this_thread::get_id();
  mutable std::atomic<bool> by_caller = false, entered = false;
  mutable std::atomic<int> reads = 0;
  std::string hung;
  mutable Latch latch;
};

struct Rig {
  explicit Rig(std::chrono::milliseconds patience = std::chrono::seconds(60)) : thread(disk, patience) { thread.start(); }
  ~Rig() {
    disk.latch.open();
    CHECK(thread.stop());
  }
  std::string read(std::string_view path) const {
    Bytes out;
    const Status status = thread.read(path, out);
    return status ? std::string(out.view()) : std::string(name(status.code)) + " " + std::string(status.file);
  }
  Disk disk;
  DiskThread thread;
};

}  // namespace

TEST_SUITE("disk thread") {
  TEST_CASE("what is on a disk is read anew for each call by another thread, what the kernel makes by the caller") {
    const Rig rig;
    CHECK(rig.read(kFile) == "1");
    CHECK_FALSE(rig.disk.by_caller);
    CHECK(rig.read(kFile) == "2");
    CHECK(rig.read("etc/missing") == "missing etc/missing");
    for (const char* path : {"proc/stat", "proc", "sys/class/dmi/id/sys_vendor"}) {
      rig.read(path);
      CHECK(rig.disk.by_caller);
    }
    rig.read("procession");
    CHECK_FALSE(rig.disk.by_caller);
    Names names;
    CHECK(rig.thread.list("var/log/pods", names));
    CHECK(names == Names{"var/log/pods"});
    CHECK(rig.thread.hanging().count() == 0);
  }

  TEST_CASE("before the start the caller reads") {
    const Disk disk;
    const DiskThread thread(disk, DiskThread::kPatience);
    Bytes out;
    CHECK(thread.read(kFile, out));
    CHECK(disk.by_caller);
    bool ran = false;
    CHECK(thread.aside("x", [&] { ran = true; }));
    CHECK(ran);
  }

  TEST_CASE("a disk that hangs costs one wait, and then nobody any") {
    Rig rig(DiskThread::kPatience);
    REQUIRE(eventually([&] { return rig.read(kFile) != "stuck etc/corosync/corosync.conf"; }));
    const std::string last = rig.read(kFile);
    rig.disk.hung = "etc/other";
    CHECK(rig.read("etc/other") == "stuck etc/other");
    CHECK(rig.disk.entered);
    const auto begin = DiskThread::Clock::now();
    for (int i = 0; i < 1000; ++i) CHECK(rig.read(kFile) == last);          // as it was read last
    CHECK(DiskThread::Clock::now() - begin < 100 * DiskThread::kPatience);  // 300 s, had each waited
    CHECK(rig.read("etc/never-read") == "stuck etc/never-read");
    CHECK(rig.thread.hanging() > DiskThread::kPatience);
    rig.disk.latch.open();
    CHECK(eventually([&] { return rig.thread.hanging().count() == 0; }));
    CHECK(eventually([&] { return rig.read(kFile) != last; }));
    CHECK(eventually([&] { return rig.read("etc/other") != "stuck etc/other"; }));
  }

  TEST_CASE("work aside is done once for each time that it is told to have been") {
    std::atomic<int> done = 0;
    const auto work = [&] { ++done; };
    {
      const Rig patient;
      CHECK(patient.thread.aside("work", work));
      CHECK(patient.thread.aside("work", work));
    }
    CHECK(done == 2);
    Rig rig(std::chrono::milliseconds(10));
    rig.disk.hung = "etc/other";
    CHECK(rig.read("etc/other") == "stuck etc/other");
    CHECK_FALSE(rig.thread.aside("work", work));
    CHECK_FALSE(rig.thread.aside("work", work));
    CHECK(done == 2);
    rig.disk.latch.open();
    CHECK(eventually([&] { return rig.thread.aside("work", work); }));
    CHECK(done == 3);
  }

  TEST_CASE("what is thrown aside stays there") {
    const Rig rig;
    CHECK(rig.thread.aside("work", [] { throw std::bad_alloc(); }));
    CHECK(rig.read(kFile) == "1");
  }

  TEST_CASE("any number of files, of which those that were not asked for lately are forgotten") {
    const Rig rig;
    for (size_t i = 0; i < 3 * DiskThread::kMost; ++i) CHECK(rig.read("etc/" + std::to_string(i)) == std::to_string(i + 1));
  }

  TEST_CASE("a file that is known costs no allocation") {
    const Rig rig;
    Bytes out;
    for (int i = 0; i < 3; ++i) CHECK(rig.thread.read(kFile, out));
    const uint64_t before = test::allocations();
    const Status status = rig.thread.read(kFile, out);
    const uint64_t after = test::allocations();
    CHECK(status);
    CHECK(after - before <= 1);  // the text of the test's own disk may be one
  }

  TEST_CASE("many ask at once") {
    Rig rig;
    std::atomic<int> stale = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 200; ++n) {
          const int before = rig.disk.reads;
          const std::string text = rig.read(n % 2 ? "etc/a" : "etc/b");
          if (std::stoi(text) <= before) ++stale;
        }
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(stale == 0);
  }

  TEST_CASE("one that hangs at the end is left there") {
    auto disk = std::make_shared<Disk>();
    disk->hung = kFile;
    auto thread = std::make_unique<DiskThread>(*disk, std::chrono::milliseconds(10));
    thread->start();
    Bytes out;
    CHECK(thread->read(kFile, out).code == Code::stuck);
    CHECK_FALSE(thread->stop());
    disk->latch.open();
    CHECK(thread->stop());
  }
}

}  // namespace fencewatch
