#include "exporter/node/node.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "exporter/node/resolve.h"
#include "exporter/node/sosreport.h"
#include "tests/unit/allocations.h"
#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

struct TestNode : TemporaryTree {
  TestNode() {
    directory("proc");
    directory("sys");
  }
  std::unique_ptr<Node> open() const {
    Status status;
    auto node = open_node({*this / "proc", *this / "sys", root()}, status);
    REQUIRE(status.code == Code::ok);
    return node;
  }
};

std::string text_of(const Node& node, std::string_view path) {
  Bytes out;
  const Status status = node.read(path, out);
  return status ? std::string(out.view()) : std::string(name(status.code));
}

Code code_of(const Node& node, std::string_view path) {
  Bytes out;
  out.append("old");
  const Status status = node.read(path, out);
  CHECK((status ? true : out.size() == 0));
  CHECK(status.file == (status ? "" : path));
  return status.code;
}

}  // namespace

TEST_CASE("Bytes keep their contents and their capacity") {
  Bytes bytes;
  bytes.append("abc");
  bytes.reserve(1000);
  CHECK(bytes.view() == "abc");
  const char* where = bytes.data();
  bytes.clear();
  bytes.append(std::string(1000, 'x'));
  CHECK(bytes.data() == where);
  CHECK(bytes.size() == 1000);
}

TEST_CASE("each path goes to its root") {
  TestNode tree;
  tree.file("a/proc/stat", "procfs\n");
  tree.file("b/sys/class", "sysfs\n");
  tree.file("c/etc/motd", "rootfs\n");
  tree.file("c/process/x", "not procfs\n");
  tree.file("c/proc/stat", "the wrong one\n");
  Status status;
  const auto node = open_node({tree / "a/proc", tree / "b/sys", tree / "c"}, status);
  REQUIRE(status.code == Code::ok);
  CHECK(text_of(*node, "proc/stat") == "procfs\n");
  CHECK(text_of(*node, "sys/class") == "sysfs\n");
  CHECK(text_of(*node, "etc/motd") == "rootfs\n");
  CHECK(text_of(*node, "process/x") == "not procfs\n");
  Names names;
  CHECK(node->list("proc", names).code == Code::ok);
  CHECK(names == Names{"stat"});
}

TEST_CASE("a root that is not there is told by its flag") {
  TestNode tree;
  Status status;
  const auto node = open_node({tree / "nowhere", tree / "sys", tree.root()}, status);
  CHECK(status.code == Code::missing);
  CHECK(status.file == "--path.procfs");
  CHECK(code_of(*node, "proc/stat") == Code::missing);
}

TEST_CASE("faults have their codes") {
  TestNode tree;
  tree.directory("etc/directory");
  tree.file("etc/file", "x");
  tree.file("etc/empty", "");
  const auto node = tree.open();
  CHECK(code_of(*node, "etc/nothing") == Code::missing);
  CHECK(code_of(*node, "etc/file/below") == Code::missing);
  CHECK(code_of(*node, "etc/directory") == Code::io);
  CHECK(code_of(*node, "etc/" + std::string(5000, 'x')) == Code::io);
  CHECK(text_of(*node, "etc/empty").empty());
  Names names;
  CHECK(node->list("etc/nothing", names).code == Code::missing);
  CHECK(node->list("etc/file", names).code == Code::missing);
  CHECK(fault(EACCES, "f").code == Code::denied);
  CHECK(fault(EPERM, "f").code == Code::denied);
  CHECK(fault(ENODEV, "f").code == Code::missing);
  CHECK(fault(EIO, "f").text == "Input/output error");
  CHECK(fault(99999, "f").text == "unknown error");
}

TEST_CASE("a denied file is denied" * doctest::skip(geteuid() == 0)) {
  TestNode tree;
  tree.file("etc/shadow", "x");
  REQUIRE(chmod((tree / "etc/shadow").c_str(), 0) == 0);
  CHECK(code_of(*tree.open(), "etc/shadow") == Code::denied);
}

TEST_CASE("lists are sorted, without . and ..") {
  TestNode tree;
  for (const char* name : {"d/b", "d/c", "d/a", "d/.hidden"}) tree.file(name, "");
  Names names{"old"};
  CHECK(tree.open()->list("d", names).code == Code::ok);
  CHECK(names == Names{".hidden", "a", "b", "c"});
}

TEST_CASE("large files are read whole, too large ones refused") {
  TestNode tree;
  const std::string text(200001, 'z');
  tree.file("large", text);
  tree.file("limit", "");
  const auto node = tree.open();
  CHECK(text_of(*node, "large") == text);
  REQUIRE(truncate((tree / "limit").c_str(), Node::kMaxFile + 1) == 0);
  CHECK(code_of(*node, "limit") == Code::limit);
}

TEST_CASE("a replaced file is seen") {
  TestNode tree;
  tree.file("proc/zoneinfo", "old\n");
  tree.file("new", "new\n");
  const auto node = tree.open();
  CHECK(text_of(*node, "proc/zoneinfo") == "old\n");
  REQUIRE(rename((tree / "new").c_str(), (tree / "proc/zoneinfo").c_str()) == 0);
  CHECK(text_of(*node, "proc/zoneinfo") == "new\n");
}

TEST_CASE("links stay inside the root, with openat2 and without") {
  TestNode tree;
  tree.file("outside", "outside");
  tree.file("root/etc/file", "inside");
  tree.link("root/absolute", "/etc/file");
  tree.link("root/relative", "etc/../etc//./file");
  tree.link("root/up", "../../../etc/file");
  tree.link("root/escape", "../outside");
  tree.link("root/escape_absolute", tree / "outside");
  tree.link("root/etc/deep", "/other/file");
  tree.file("root/other/file", "other");
  tree.link("root/loop", "loop");
  tree.link("root/directory", "/etc");
  tree.link("root/hop0", "etc/file");
  for (int i = 1; i <= 40; ++i) tree.link("root/hop" + std::to_string(i), "/hop" + std::to_string(i - 1));
  const Fd root = open_plainly(AT_FDCWD, tree / "root", O_RDONLY | O_DIRECTORY);
  REQUIRE(root);
  for (const auto open : {open_in_root, walk_in_root}) {
    CAPTURE((open == walk_in_root));
    const auto text = [&](const char* path) {
      const Fd fd = open(root.get(), path, O_RDONLY);
      if (!fd) return std::string(strerrorname_np(errno));
      char buffer[64];
      const ssize_t got = read(fd.get(), buffer, sizeof buffer);
      return got < 0 ? std::string(strerrorname_np(errno)) : std::string(buffer, static_cast<size_t>(got));
    };
    CHECK(text("etc/file") == "inside");
    CHECK(text("/etc/file") == "inside");
    CHECK(text("absolute") == "inside");
    CHECK(text("relative") == "inside");
    CHECK(text("up") == "inside");
    CHECK(text("../etc/file") == "inside");
    CHECK(text("directory/file") == "inside");
    CHECK(text("directory/../absolute") == "inside");
    CHECK(text("etc/deep") == "other");
    CHECK(text("hop39") == "inside");
    CHECK(text("escape") == "ENOENT");
    CHECK(text("escape_absolute") == "ENOENT");
    CHECK(text("loop") == "ELOOP");
    CHECK(text("hop40") == "ELOOP");
    CHECK(text("etc/file/more") == "ENOTDIR");
    CHECK(text("nothing/more") == "ENOENT");
    CHECK(text("etc") == "EISDIR");
    CHECK(text("") == "EISDIR");
  }
}

TEST_CASE("the node keeps absolute links in the tree") {
  TestNode tree;
  tree.file("run/real.conf", "totem\n");
  tree.link("etc/corosync.conf", "/run/real.conf");
  CHECK(text_of(*tree.open(), "etc/corosync.conf") == "totem\n");
}

TEST_CASE("a FIFO blocks until it is written, and then works") {
  TestNode tree;
  const std::string fifo = tree / "proc/vmstat";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const auto node = tree.open();
  std::string got;
  std::thread reader([&] { got = text_of(*node, "proc/vmstat"); });
  const int writer = ::open(fifo.c_str(), O_WRONLY);  // returns when the reader is there
  REQUIRE(writer >= 0);
  CHECK(write(writer, "oom_", 4) == 4);
  CHECK(write(writer, "kill 1\n", 7) == 7);
  close(writer);
  reader.join();
  CHECK(got == "oom_kill 1\n");
}

TEST_CASE("files of the live procfs stay open and cost no allocation") {
  Status status;
  const auto node = open_node({}, status);
  REQUIRE(status.code == Code::ok);
  Bytes out;
  REQUIRE(node->read("proc/zoneinfo", out).code == Code::ok);
  REQUIRE(out.size() > 1000);
  REQUIRE(node->read("proc/uptime", out).code == Code::ok);
  const std::string before(out.view());
  std::string after = before;
  REQUIRE(node->read("proc/zoneinfo", out).code == Code::ok);
  const uint64_t allocated = test::thread_allocations();
  CHECK(node->read("proc/zoneinfo", out).code == Code::ok);
  CHECK(test::thread_allocations() == allocated);
  while (after == before) after = text_of(*node, "proc/uptime");  // never the bytes of the first read for ever
  CHECK(node->page_size() == sysconf(_SC_PAGESIZE));
}

TEST_CASE("files of processes are not kept open") {
  Status status;
  const auto node = open_node({}, status);
  Names before, after;
  const std::string stat = "proc/" + std::to_string(getpid()) + "/stat";
  REQUIRE(node->list("proc/self/fd", before).code == Code::ok);
  CHECK(code_of(*node, stat) == Code::ok);
  REQUIRE(node->list("proc/self/fd", after).code == Code::ok);
  CHECK(after.size() == before.size());
  CHECK(code_of(*node, "proc/stat") == Code::ok);
  CHECK(code_of(*node, "proc/stat") == Code::ok);
  REQUIRE(node->list("proc/self/fd", after).code == Code::ok);
  CHECK(after.size() == before.size() + 1);
}

TEST_CASE("a kept file that went away is opened again, found missing and let go") {
  Status status;
  const auto node = open_node({}, status);
  Names names;
  std::string stat;
  std::thread gone([&] {
    stat = "proc/self/task/" + std::to_string(gettid()) + "/stat";
    CHECK(code_of(*node, stat) == Code::ok);
  });
  gone.join();
  REQUIRE(node->list("proc/self/fd", names).code == Code::ok);
  const size_t before = names.size();
  while (code_of(*node, stat) == Code::ok) std::this_thread::yield();  // join() returns a little before the task is gone
  CHECK(code_of(*node, stat) == Code::missing);
  REQUIRE(node->list("proc/self/fd", names).code == Code::ok);
  CHECK(names.size() == before - 1);
}

TEST_CASE("sosreport: sysctl -a stands in for proc/sys") {
  TestNode tree;
  tree.file("sos_commands/kernel/sysctl_-a",
            "vm.min_free_kbytes = 90112\nvm.watermark_scale_factor = 10\nnet.ipv4.conf.eth0/7.forwarding = 1\n"
            "kernel.empty = \nvm.lowmem_reserve_ratio = 256\t256\t32\t0\nvm.cut = 12");
  tree.file("proc/sys/vm/swappiness", "60\n");
  const auto node = tree.open();
  CHECK(text_of(*node, "proc/sys/vm/min_free_kbytes") == "90112\n");
  CHECK(text_of(*node, "proc/sys/vm/watermark_scale_factor") == "10\n");
  CHECK(text_of(*node, "proc/sys/vm/lowmem_reserve_ratio") == "256\t256\t32\t0\n");
  CHECK(text_of(*node, "proc/sys/net/ipv4/conf/eth0.7/forwarding") == "1\n");
  CHECK(text_of(*node, "proc/sys/kernel/empty") == "\n");
  CHECK(text_of(*node, "proc/sys/vm/swappiness") == "60\n");
  CHECK(text_of(*node, "proc/sys/vm/min_free") == "missing");
  CHECK(text_of(*node, "proc/sys/vm/cut") == "missing");
  CHECK(text_of(*node, "proc/vm") == "missing");
}

TEST_CASE("sosreport: the release of the kernel") {
  constexpr std::string_view release = "proc/sys/kernel/osrelease";
  TestNode tree;
  const auto node = tree.open();
  CHECK(text_of(*node, release) == "missing");
  tree.file("proc/version", "Linux version 3.10.0-1160.el7.x86_64 (mockbuild@x) #1 SMP\n");
  CHECK(text_of(*node, release) == "3.10.0-1160.el7.x86_64\n");
  tree.file("sos_commands/general/uname", "Linux node1 4.18.0-80.el8 #1 SMP x86_64 GNU/Linux\n");
  tree.link("uname", "sos_commands/general/uname");
  CHECK(text_of(*node, release) == "4.18.0-80.el8\n");
  tree.file("sos_commands/kernel/uname_-a", "Linux node1 4.19.90-23.8.v2101.ky10.aarch64 #1 SMP aarch64 GNU/Linux\n");
  CHECK(text_of(*node, release) == "4.19.90-23.8.v2101.ky10.aarch64\n");
  tree.file("proc/sys/kernel/osrelease", "5.10.0\n");
  CHECK(text_of(*node, release) == "5.10.0\n");
  std::string_view found;
  CHECK_FALSE(find_release("bash: uname: command not found\n", found));
  CHECK_FALSE(find_release("", found));
}

TEST_CASE("the page size is that of the tree's machine") {
  const auto told = [](std::string_view meminfo, std::string_view vmstat) {
    TestNode tree;
    tree.file("proc/meminfo", meminfo);
    tree.file("proc/vmstat", vmstat);
    return tree.open()->page_size();
  };
  CHECK(told("MemTotal:        4019624 kB\nMemFree:         2424580 kB\n", "nr_free_pages 606149\nnr_zone_inactive_anon 14\n") == 4096);
  CHECK(told("MemFree:         66846720 kB\n", "nr_free_pages 1044480\n") == 65536);
  CHECK(told("MemFree:         16711680 kB\n", "nr_free_pages 1044000\n") == 16384);
  CHECK(told("MemFree:         8355000 kB\n", "nr_free_pages 1044480\n") == 8192);
  CHECK(told("MemTotal: 1 kB\n", "nr_free_pages 1044480\n") == 0);
  CHECK(TestNode().open()->page_size() == 0);
}

TEST_CASE("the page size without vmstat, and without meminfo") {
  TestNode zones;
  zones.file("proc/meminfo", "MemFree:         33423360 kB\n");
  zones.file("proc/zoneinfo",
             "Node 0, zone Normal\n  pages free 1\n      nr_free_pages 500000\nNode 1, zone Normal\n      nr_free_pages 22240\n");
  CHECK(zones.open()->page_size() == 65536);

  const auto of_machine = [](const std::string& file, std::string_view text) {
    TestNode tree;
    tree.file(file, text);
    tree.file("proc/vmstat", "nr_free_pages 1044480\n");
    return tree.open()->page_size();
  };
  CHECK(of_machine("proc/sys/kernel/osrelease", "4.19.90-24.4.v2101.ky10.x86_64\n") == 4096);
  CHECK(of_machine("proc/sys/kernel/osrelease", "6.1.0-57-cloud-amd64\n") == 4096);
  CHECK(of_machine("proc/sys/kernel/osrelease", "4.19.0-arm64-server\n") == 0);
  CHECK(of_machine("proc/sys/kernel/osrelease", "4.19.90-24.4.v2101.ky10.aarch64\n") == 0);
  CHECK(of_machine("proc/sys/kernel/osrelease", "5.4.0\n") == 0);
  CHECK(of_machine("sos_commands/kernel/uname_-a", "Linux h 4.18.0-80.el8 #1 SMP x86_64 x86_64 x86_64 GNU/Linux\n") == 4096);
  // Where a kernel was built and what its host is called say nothing.
  CHECK(of_machine("proc/version", "Linux version 4.19.90 (builder@x86_64-build) (gcc) #1 SMP\n") == 0);
  CHECK(of_machine("uname", "Linux amd64-lab 4.19.90-aarch64 #1 SMP aarch64 GNU/Linux\n") == 0);
}
