// The collector against a corosync that runs in this process.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>

#include "exporter/collector.h"
#include "exporter/config.h"
#include "fake_corosync.h"
#include "trees.h"

namespace fencewatch {

extern const Spec corosync_live;

namespace {

using test::FakeCorosync;

constexpr const char* kConf = "totem {\n  version: 2\n}\nnodelist {\n  node {\n  }\n  node {\n  }\n  node {\n  }\n}\n";

std::string stat_line(uint64_t start_time, int policy, char state = 'S') {
  return "77 (corosync) " + std::string(1, state) + " 1 77 77 0 -1 4194624 5000 0 12 0 100 50 0 0 -100 0 9 0 " +
         std::to_string(start_time) + " 100 200 1 1 1 1 1 1 0 0 0 0 0 0 0 17 0 99 " + std::to_string(policy) + " 0 0 0 0 0 0 0 0 0 0 0\n";
}

// A machine on which corosync runs, of one cluster of three with two links each, seen from node 1.
struct Machine {
  explicit Machine(const char* directory = COROSYNC_3_DIRECTORY)
      : library(dlopen((std::string(directory) + "/libcmap.so.4").c_str(), RTLD_NOW)), node("kernel/linux-6.1-healthy") {
    REQUIRE(library != nullptr);
    corosync = reinterpret_cast<FakeCorosync* (*)()>(dlsym(library, "fake_corosync"))();
    *corosync = {};
    old = std::string(directory) == COROSYNC_2_DIRECTORY;
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
  test::MemoryNode node;
  Config config;
  std::unique_ptr<Collector> collector;
  Page page;
};

// The value of the series, e.g. up or nodes{a="b"}; empty when it is not there.
std::string value(const std::string& text, const std::string& series) {
  const std::string start = "\nfencewatch_corosync_" + series + " ";
  const size_t at = text.find(start);
  if (at == text.npos) return "";
  const size_t begin = at + start.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

size_t count(const std::string& text, const std::string& family) {
  size_t lines = 0;
  for (size_t at = 0; (at = text.find("\nfencewatch_corosync_" + family + "{", at)) != text.npos; ++at) ++lines;
  return lines;
}

}  // namespace

TEST_SUITE("corosync_live") {
  TEST_CASE("all that corosync 3 tells") {
    Machine machine;
    const std::string text = machine.collect();
    const std::pair<const char*, const char*> expected[] = {
        {"up", "1"},
        {"token_timeout_seconds{source=\"runtime\"}", "3.65"},
        {"token_timeout_seconds{source=\"config\"}", "3.65"},
        {"token_warning_ratio", "0.75"},
        {"consensus_timeout_seconds", "4.38"},
        {"nodes", "3"},
        {"members", "3"},
        {"quorate", "1"},
        {"votes", "3"},
        {"expected_votes", "3"},
        {"quorum_votes", "2"},
        {"token_losses_total{state=\"operational\"}", "4"},
        {"token_losses_total{state=\"recovery\"}", "0"},
        {"memberships_total", "2"},
        {"seconds_since_token", "0.42"},
        {"token_rotation_seconds", "0.076"},
        {"link_connected{host=\"2\",link=\"0\"}", "1"},
        {"link_connected{host=\"3\",link=\"1\"}", "1"},
        {"link_latency_seconds{host=\"2\",link=\"1\",stat=\"ave\"}", "9.2e-05"},
        {"link_latency_seconds{host=\"2\",link=\"1\",stat=\"max\"}", "0.000109"},
        {"links_down_total{host=\"3\",link=\"0\"}", "1"},
        {"process_realtime", "1"},
        {"process_locked_bytes", "79167488"},
        {"process_major_faults_total", "12"},
        {"process_memory_stalled_seconds_total{kind=\"some\"}", "1.5"},
        {"process_memory_stalled_seconds_total{kind=\"full\"}", "0.5"},
        {"schedmiss_total", "0"},
        {"ipc_seconds_count", "1"},
    };
    for (const auto& [series, wanted] : expected) {
      CAPTURE(series);
      CHECK(value(text, series) == wanted);
    }
    CHECK(count(text, "link_connected") == 4);  // not the one to itself
    CHECK(value(text, "scheduling_delay_last_seconds").empty());
    machine.miss(0, 5000, 4000);
    (void)machine.collect();
    CHECK(machine.page.families().size() == corosync_live.families.size());
  }

  TEST_CASE("corosync 2 has one map, no links, no time since the token") {
    Machine machine(COROSYNC_2_DIRECTORY);
    machine.corosync->icmap["runtime.config.totem.token"] = FakeCorosync::u32(1650);
    machine.sample();
    const std::string text = machine.collect();
    CHECK(value(text, "up") == "1");
    CHECK(value(text, "token_losses_total{state=\"operational\"}") == "4");
    CHECK(value(text, "members") == "3");
    CHECK(value(text, "quorate") == "1");
    CHECK(value(text, "token_timeout_seconds{source=\"config\"}") == "1.65");
    CHECK(value(text, "token_warning_ratio").empty());
    CHECK(value(text, "seconds_since_token").empty());
    CHECK(count(text, "link_connected") == 0);
    machine.sample();
    CHECK(value(machine.collect(), "token_gap_seconds_count") == "0");
  }

  TEST_CASE("udpu has no links") {
    Machine machine;
    std::erase_if(machine.corosync->stats, [](const auto& entry) { return entry.first.starts_with("stats.knet."); });
    const std::string text = machine.collect();
    CHECK(count(text, "link_connected") == 0);
    CHECK(count(text, "links_down_total") == 0);
    CHECK(value(text, "members") == "3");
  }

  TEST_CASE("two connections are kept, that to the settings is not, and few questions are asked") {
    Machine machine;
    (void)machine.collect();
    CHECK(machine.corosync->connections == 2);
    CHECK(machine.corosync->connected == 3);
    const int first = machine.corosync->calls;
    for (int i = 0; i < 10; ++i) (void)machine.collect();
    CHECK(machine.corosync->connected == 3);
    const int each = (machine.corosync->calls - first) / 10;
    CHECK(each < first);
    CHECK(each == 1 + 6 + 4 * 4 + 1);  // the token, totem, links, the newest miss
    machine.sample();
    CHECK(machine.corosync->calls == first + 10 * each + 1);
  }

  TEST_CASE("members and links are asked anew after a change of the membership") {
    Machine machine;
    (void)machine.collect();
    machine.corosync->icmap["runtime.members.3.status"] = FakeCorosync::text("left");
    CHECK(value(machine.collect(), "members") == "3");
    machine.corosync->stats["stats.srp.operational_entered"] = FakeCorosync::u64(3);
    CHECK(value(machine.collect(), "members") == "2");
  }

  TEST_CASE("a scheduling miss is counted once") {
    Machine machine;
    for (int i = 0; i < 3; ++i) machine.miss(i, static_cast<uint64_t>(5000 - i), 4000.5F);
    std::string text = machine.collect();
    CHECK(value(text, "schedmiss_total") == "0");  // before our time
    CHECK(value(text, "scheduling_delay_last_seconds") == "4.0005");
    machine.miss(0, 7000, 6000);
    machine.miss(1, 6000, 5000);
    machine.miss(2, 5000, 4000.5F);
    text = machine.collect();
    CHECK(value(text, "schedmiss_total") == "2");
    CHECK(value(text, "scheduling_delay_last_seconds") == "6");
    CHECK(value(machine.collect(), "schedmiss_total") == "2");
    for (int i = 0; i < 10; ++i) machine.miss(i, static_cast<uint64_t>(9000 - i), 3000);
    CHECK(value(machine.collect(), "schedmiss_total") == "12");
  }

  TEST_CASE("a new corosync begins with no misses, and what it then has is ours") {
    Machine machine;
    machine.miss(0, 5000, 4000);
    (void)machine.collect();
    std::erase_if(machine.corosync->stats, [](const auto& entry) { return entry.first.starts_with("stats.schedmiss."); });
    machine.run(2000);
    CHECK(value(machine.collect(), "schedmiss_total") == "0");
    machine.miss(0, 100, 3000);  // the clock was set back
    CHECK(value(machine.collect(), "schedmiss_total") == "1");
  }

  TEST_CASE("the default token is the one that corosync runs with") {
    Machine machine;
    machine.corosync->icmap["runtime.config.totem.token"] = FakeCorosync::u32(1650);  // 3.0
    CHECK(value(machine.collect(), "token_timeout_seconds{source=\"config\"}") == "1.65");
    machine.node.files["etc/corosync/corosync.conf"] = "totem {\n  token: 10000\n}\n";
    CHECK(value(machine.collect(), "token_timeout_seconds{source=\"config\"}") == "10");
    CHECK(value(machine.collect(), "nodes").empty());
  }

  TEST_CASE("without votequorum libquorum is asked, without both nobody is") {
    Machine machine;
    machine.corosync->votequorum = 12;
    machine.corosync->quorate = false;
    std::string text = machine.collect();
    CHECK(value(text, "quorate") == "0");
    CHECK(value(text, "votes").empty());
    machine.corosync->quorum = 12;
    machine.run(2000);
    text = machine.collect();
    CHECK(value(text, "up") == "1");
    CHECK(value(text, "quorate").empty());
  }

  TEST_CASE("no corosync") {
    Machine machine;
    machine.end();
    std::string text = machine.collect();
    CHECK(value(text, "up") == "0");
    CHECK(value(text, "nodes") == "3");
    CHECK(value(text, "token_timeout_seconds{source=\"config\"}").empty());  // the default is not known
    CHECK(value(text, "process_realtime").empty());
    CHECK(machine.corosync->connected == 0);
    machine.node.files.erase("etc/corosync/corosync.conf");
    CHECK(machine.status().code == Code::missing);
  }

  TEST_CASE("a recorded tree tells what its file says and asks nobody") {
    Machine machine;
    std::erase_if(machine.node.files,
                  [](const auto& file) { return file.first.starts_with("proc/1/") || file.first.starts_with("proc/77/"); });
    machine.node.files["etc/corosync/corosync.conf"] = "totem {\n  token: 10000\n}\n";
    const std::string text = machine.collect();
    CHECK(value(text, "token_timeout_seconds{source=\"config\"}") == "10");
    CHECK(value(text, "up").empty());
    CHECK(value(text, "schedmiss_total").empty());
    CHECK(machine.corosync->connected == 0);
  }

  TEST_CASE("why it does not answer") {
    const std::pair<int, Code> reasons[] = {{2, Code::refused}, {6, Code::refused}, {8, Code::limit},
                                            {11, Code::denied}, {12, Code::io},     {21, Code::refused}};
    for (const auto& [error, code] : reasons) {
      CAPTURE(error);
      Machine machine;
      machine.corosync->initialize = error;
      const Status status = machine.status();
      CHECK(status.code == code);
      CHECK(!status.text.empty());
      CHECK(!status.file.empty());
      // It is left alone for now, and the reason stays.
      machine.corosync->initialize = 1;
      CHECK(machine.status().code == code);
      CHECK(machine.corosync->connected == 0);
    }
  }

  TEST_CASE("a corosync that has just begun need not answer") {
    Machine machine;
    machine.corosync->initialize = 2;
    machine.run(499500);  // it is 5000.1 s after boot
    const std::string text = machine.collect();
    CHECK(value(text, "up") == "0");
    CHECK(value(text, "process_realtime") == "1");
  }

  TEST_CASE("corosync ends and another begins") {
    Machine machine;
    (void)machine.collect();
    machine.corosync->get = 2;
    CHECK(machine.status().code == Code::refused);  // it is there and does not answer
    machine.end();
    std::string text = machine.collect();
    CHECK(value(text, "up") == "0");
    CHECK(machine.corosync->connections == 0);
    CHECK(value(text, "ipc_seconds_count") == "2");  // what was counted stays
    machine.corosync->get = 1;
    machine.run(3000);
    // /proc is not searched at once again, but 1 s later.
    for (int i = 0; i < 500 && value(text, "up") != "1"; ++i) {
      struct timespec pause = {0, 10'000'000};
      nanosleep(&pause, nullptr);
      text = machine.collect();
    }
    CHECK(value(text, "up") == "1");
    CHECK(machine.corosync->connections == 2);
  }

  TEST_CASE("a connection that breaks is made anew, after a pause") {
    Machine machine;
    (void)machine.collect();
    machine.corosync->get = 2;
    machine.sample();
    CHECK(machine.corosync->connections == 1);  // that of quorum is not asked yet
    machine.sample();
    CHECK(machine.status().code == Code::refused);
    const int connected = machine.corosync->connected;
    CHECK(machine.status().code == Code::refused);
    CHECK(machine.corosync->connected == connected);
  }

  TEST_CASE("near misses: the time without a token") {
    Machine machine;
    (void)machine.collect();
    for (const uint64_t since : {uint64_t{500}, uint64_t{2900}, uint64_t{0}, uint64_t{0}}) {
      machine.corosync->stats["stats.srp.time_since_token_last_received"] = FakeCorosync::u64(since);
      machine.sample();
    }
    // Ever more time between two samples of the same moment would be a token in the future: each of them is another gap.
    const std::string text = machine.collect();
    CHECK(value(text, "token_gap_seconds_bucket{le=\"+Inf\"}") == value(text, "token_gap_seconds_count"));
    CHECK(value(text, "token_gap_seconds_bucket{le=\"2.5\"}") != value(text, "token_gap_seconds_bucket{le=\"3.0\"}"));
  }

  TEST_CASE("the process: not real-time, not locked, not in a cgroup of version 2") {
    Machine machine;
    machine.run(1000, 0);
    machine.node.files["proc/77/status"] = "Name:\tcorosync\nVmLck:\t       0 kB\n";
    machine.node.files["proc/77/cgroup"] = "4:memory:/corosync\n1:name=systemd:/system.slice/corosync.service\n";
    const std::string text = machine.collect();
    CHECK(value(text, "process_realtime") == "0");
    CHECK(value(text, "process_locked_bytes") == "0");
    CHECK(count(text, "process_memory_stalled_seconds_total") == 0);
  }

  TEST_CASE("/proc is not searched while the process is known") {
    Machine machine;
    (void)machine.collect();
    machine.node.asked.clear();
    (void)machine.collect();
    CHECK(!machine.node.asked.contains("proc"));
    CHECK(!machine.node.asked.contains("proc/1/comm"));
    CHECK(machine.node.asked.contains("proc/77/stat"));
  }

  TEST_CASE("broken files are told with their place") {
    const std::pair<const char*, const char*> broken[] = {
        {"etc/corosync/corosync.conf", "totem {\n  token: soon\n}\n"},
        {"proc/77/stat", "77 (corosync) S 1 x\n"},
        {"proc/77/status", "Name:\tcorosync\nVmLck:\tmuch kB\n"},
        {"sys/fs/cgroup/system.slice/corosync.service/memory.pressure", "some avg10=0.00 total=soon\n"},
    };
    for (const auto& [path, text] : broken) {
      CAPTURE(path);
      Machine machine;
      (void)machine.collect();
      machine.node.files[path] = text;
      const Status status = machine.status();
      CHECK(status.code == Code::malformed);
      CHECK(status.line > 0);
      CHECK(!status.file.empty());
    }
  }

  TEST_CASE("numbers of other types, and none where a number should be") {
    Machine machine;
    machine.corosync->stats["stats.srp.operational_token_lost"] = FakeCorosync::i32(7);
    machine.corosync->stats["stats.srp.gather_token_lost"] = FakeCorosync::i32(-7);
    machine.corosync->stats["stats.srp.commit_token_lost"] = FakeCorosync::text("many");
    machine.corosync->stats["stats.srp.recovery_token_lost"] = FakeCorosync::text(std::string(300, 'x').c_str());
    const std::string text = machine.collect();
    CHECK(value(text, "token_losses_total{state=\"operational\"}") == "7");
    CHECK(count(text, "token_losses_total") == 1);
  }
}

}  // namespace fencewatch
