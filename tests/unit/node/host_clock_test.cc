#include "exporter/node/host_clock.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <memory>
#include <string>

#include "tests/unit/tree.h"
#include "tests/unit/trees.h"

using namespace fencewatch;

namespace {

struct Host : TemporaryTree {
  std::shared_ptr<Fd> root = std::make_shared<Fd>(open(TemporaryTree::root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  int32_t offset(int64_t utc = 1'779'000'000) { return HostZone(root).get().offset(utc); }  // May 2026
  int64_t reported() { return report_time_us(root->get(), *this / "proc") / 1'000'000; }
};

std::string zone(const std::string& name) { return test::slurp(FIXTURES "/zones/" + name); }

}  // namespace

TEST_CASE("The zone of a machine is that of its etc/localtime, through links that stay below its root") {
  Host host;
  CHECK(host.offset() == 0);
  host.file("usr/share/zoneinfo/Asia/Shanghai", zone("Shanghai"));
  host.link("etc/localtime", "/usr/share/zoneinfo/Asia/Shanghai");
  CHECK(host.offset() == 8 * 3600);
}

TEST_CASE("Without a readable etc/localtime a report tells its offset") {
  Host host;
  host.file("sos_commands/date/date", "Fri May 15 15:13:16 +0530 2026\n");
  host.file("sos_commands/date/date_--utc", "Fri May 15 09:43:17 UTC 2026\n");
  CHECK(host.offset() == 5 * 3600 + 1800);
  host.file("sos_commands/systemd/timedatectl",
            "               Local time: Fri 2026-05-15 17:43:16 CST\n                Time zone: America/St_Johns (NDT, -0230)\n");
  CHECK(host.offset() == -(2 * 3600 + 1800));
  host.file("etc/localtime", zone("Shanghai").substr(0, 100));
  CHECK(host.offset() == -(2 * 3600 + 1800));
  host.directory("etc/corosync");
  host.file("etc/localtime", zone("Lord_Howe"));
  CHECK(host.offset() == 10 * 3600 + 1800);
}

TEST_CASE("Dates as date(1) prints them") {
  constexpr int64_t kTime = 1'778'866'996;  // 15 May 2026, 17:43:16
  for (const char* text : {"Fri May 15 17:43:16 CST 2026\n", "Fri May 15 05:43:16 PM CST 2026\n", "Fri 15 May 2026 05:43:16 PM CST\n",
                           "2026年 05月 15日 星期五 17:43:16 CST\n", "Fri May 15 17:43:16 UTC 2026"}) {
    CAPTURE(text);
    CHECK(read_date(text) == kTime);
  }
  CHECK(read_date("Fri May 15 12:00:00 AM CST 2026") == kTime - kTime % 86'400);
  for (const char* none : {"", "\n", "May 15 17:43:16", "Fri May 15 2026", "Fri Feb 30 17:43:16 CST 2026", "Fri May 15 27:43:16 CST 2026"})
    CHECK(read_date(none) == 0);
}

TEST_CASE("A report was made when its date says, else when the machine had run so long") {
  Host host;
  CHECK(host.reported() == 0);
  host.file("proc/stat", "cpu  1 2\nbtime 1700000000\nprocesses 1\n");
  CHECK(host.reported() == 1'700'000'000 + 183 * 86'400);
  host.file("proc/uptime", "1000.25 4000.00\n");
  CHECK(host.reported() == 1'700'001'000);
  host.file("sos_commands/date/date_--utc", "Fri May 15 17:43:16 UTC 2026\n");
  CHECK(host.reported() == 1'778'866'996);
  host.file("date", "Thu May 14 17:43:16 UTC 2026\n");
  CHECK(host.reported() == 1'778'866'996 - 86'400);
}
