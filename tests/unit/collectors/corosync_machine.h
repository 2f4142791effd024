// A machine on which a corosync of a test's own runs, and what the collector says of it.
#pragma once

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "tests/unit/collectors/fake_corosync.h"
#include "tests/unit/trees.h"

namespace fencewatch {

extern const Spec corosync_live;

namespace test {

inline constexpr const char* kConf = "totem {\n  version: 2\n}\nnodelist {\n  node {\n  }\n  node {\n  }\n  node {\n  }\n}\n";

inline std::string stat_line(uint64_t start_time, int policy, char state = 'S') {
  return "77 (corosync) " + std::string(1, state) + " 1 77 77 0 -1 4194624 5000 0 12 0 100 50 0 0 -100 0 9 0 " +
         std::to_string(start_time) + " 100 200 1 1 1 1 1 1 0 0 0 0 0 0 0 17 0 99 " + std::to_string(policy) + " 0 0 0 0 0 0 0 0 0 0 0\n";
}

// A machine on which corosync runs, of one cluster of three with two links each, seen from node 1.
struct Machine {
  explicit Machine(const char* directory = kCorosync3)
      : library(dlopen((std::string(directory) + "/libcmap.so.4").c_str(), RTLD_NOW)), node("kernel/linux-6.1-healthy") {
    REQUIRE(library != nullptr);
    corosync = reinterpret_cast<FakeCorosync* (*)()>(dlsym(library, "fake_corosync"))();
    *corosync = {};
    old = directory == kCorosync2;
    const std::string srp = old ? "runtime.totem.pg.mrp.srp." : "stats.srp.";
    FakeCorosync::Map& stats = old ? corosync->icmap : corosync->stats;
    for (const char* state : {"operational", "gather", "commit", "recovery"}) stats[srp + state + "_token_lost"] = FakeCorosync::u64(0);
    stats[srp + "operational_token_lost"] = FakeCorosync::u64(4);
    stats[srp + "operational_entered"] = FakeCorosync::u64(2);
    stats[srp + "mtt_rx_token"] = FakeCorosync::u32(76);
    FakeCorosync::Map& icmap = corosync->icmap;
    icmap["runtime.config.totem.token"] = FakeCorosync::u32(3650);
    icmap["runtime.config.totem.consensus"] = FakeCorosync::u32(4380);
    icmap["runtime.votequorum.this_node_id"] = FakeCorosync::u32(1);
    const std::string members = old ? srp + "members." : "runtime.members.";
    for (const char* id : {"1", "2", "3"}) {
      icmap[members + id + ".ip"] = FakeCorosync::text("r(0) ip(10.77.0.1) ");
      icmap[members + id + ".status"] = FakeCorosync::text("joined");
    }
    if (!old) three();
    node.files["etc/corosync/corosync.conf"] = kConf;
    node.files["proc/uptime"] = "5000.10 9000.00\n";
    run(1000);
    config.corosync_library_dir = directory;
    collector = corosync_live.make(config);
  }
  ~Machine() {
    collector.reset();
    CHECK(corosync->connections == 0);
    dlclose(library);
  }

  void three() {
    FakeCorosync::Map &stats = corosync->stats, &icmap = corosync->icmap;
    stats["stats.srp.time_since_token_last_received"] = FakeCorosync::u64(420);
    icmap["runtime.config.totem.token_warning"] = FakeCorosync::u32(75);
    icmap["nodelist.local_node_pos"] = FakeCorosync::u32(0);
    for (const std::string position : {"0", "1", "2"}) {
      icmap["nodelist.node." + position + ".nodeid"] = FakeCorosync::u32(static_cast<uint32_t>(position[0] - '0' + 1));
      for (const std::string link : {"0", "1"}) {
        icmap["nodelist.node." + position + ".ring" + link + "_addr"] = FakeCorosync::text("10.77.0.1");
        const std::string key = "stats.knet.node" + std::to_string(position[0] - '0' + 1) + ".link" + link;
        stats[key + ".connected"] = FakeCorosync::u8(1);
        stats[key + ".latency_ave"] = FakeCorosync::u32(92);
        stats[key + ".latency_max"] = FakeCorosync::u32(109);
        stats[key + ".down_count"] = FakeCorosync::u32(1);
      }
    }
  }

  void run(uint64_t start_time, int policy = 2) {
    node.files["proc/77/comm"] = "corosync\n";
    node.files["proc/77/stat"] = stat_line(start_time, policy);
    node.files["proc/77/status"] = "Name:\tcorosync\nVmLck:\t   77312 kB\n";
    node.files["proc/77/cgroup"] = "0::/system.slice/corosync.service\n";
    node.files["sys/fs/cgroup/system.slice/corosync.service/memory.pressure"] =
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n";
    node.files["proc/1/comm"] = "systemd\n";
  }
  void end() {
    for (const char* file : {"comm", "stat", "status", "cgroup"}) node.files.erase(std::string("proc/77/") + file);
  }
  void miss(int index, uint64_t timestamp, float delay) {
    corosync->stats["stats.schedmiss." + std::to_string(index) + ".timestamp"] = FakeCorosync::u64(timestamp);
    corosync->stats["stats.schedmiss." + std::to_string(index) + ".delay"] = FakeCorosync::flt(delay);
  }

  Status status() {
    page.clear();
    return collector->collect(node, page);
  }
  std::string collect() {
    REQUIRE(status());
    Bytes out;
    page.render(Format::text, out);
    return std::string(out.view());
  }
  void sample() { REQUIRE(collector->sample(node, std::chrono::milliseconds(250))); }

  void* library;
  FakeCorosync* corosync;
  bool old = false;
  MemoryNode node;
  Settings config;
  std::unique_ptr<Collector> collector;
  Page page;
};

// The value of the series, e.g. up or nodes{a="b"}; empty when it is not there.
inline std::string value(const std::string& text, const std::string& series) {
  const std::string start = "\nfencewatch_corosync_" + series + " ";
  const size_t at = text.find(start);
  if (at == text.npos) return "";
  const size_t begin = at + start.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

inline size_t count(const std::string& text, const std::string& family) {
  size_t lines = 0;
  for (size_t at = 0; (at = text.find("\nfencewatch_corosync_" + family + "{", at)) != text.npos; ++at) ++lines;
  return lines;
}

}  // namespace test
}  // namespace fencewatch
