#include "exporter/base/systemd.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

using Set = std::map<std::string, std::string>;

// Sets what systemd would, and takes it back.
struct Environment {
  explicit Environment(const Set& wanted) {
    clear();
    for (const auto& [name, value] : wanted) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() { clear(); }
  static void clear() {
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}) unsetenv(name);
  }
};

const std::string kMe = std::to_string(getpid());
const std::string kOther = std::to_string(getppid());

std::string heard(const std::string& name, const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, name.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
  const Environment environment(Set{{"NOTIFY_SOCKET", name}});
  CHECK(systemd::notify("READY=1"));
  char text[64];
  const ssize_t n = recv(fd, text, sizeof text, 0);
  close(fd);
  return n < 0 ? "" : std::string(text, static_cast<size_t>(n));
}

}  // namespace

TEST_CASE("systemd: a notification to a path and to an abstract name") {
  const TemporaryTree tree;
  const std::string path = tree / "notify";
  CHECK(heard(path, path.c_str()) == "READY=1");
  const std::string abstract = "@fencewatch-test-" + kMe;
  CHECK(heard(abstract, (std::string(1, '\0') + abstract.substr(1)).c_str()) == "READY=1");
}

TEST_CASE("systemd: nobody to notify") {
  for (const char* where : {"", "relative", "/nowhere/notify"}) {
    const Environment environment(Set{{"NOTIFY_SOCKET", where}});
    CHECK(!systemd::notify("READY=1"));
  }
  const Environment environment(Set{});
  CHECK(!systemd::notify("READY=1"));
}

TEST_CASE("systemd: the watchdog of this process only") {
  const auto within = [](const Set& set) {
    const Environment environment(set);
    return systemd::watchdog().count();
  };
  CHECK(within({}) == 0);
  CHECK(within({{"WATCHDOG_USEC", "30000000"}}) == 30000000);
  CHECK(within({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", kMe}}) == 30000000);
  CHECK(within({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", kOther}}) == 0);
  CHECK(within({{"WATCHDOG_USEC", "soon"}}) == 0);
}

TEST_CASE("systemd: sockets that are not for us, or none") {
  for (const Set& set : std::initializer_list<Set>{
           {}, {{"LISTEN_FDS", "1"}}, {{"LISTEN_PID", kOther}, {"LISTEN_FDS", "1"}}, {{"LISTEN_PID", kMe}, {"LISTEN_FDS", "0"}}}) {
    const Environment environment(set);
    CHECK_THROWS_WITH(systemd::listeners(), "--web.systemd-socket: systemd has handed over no socket");
  }
}
