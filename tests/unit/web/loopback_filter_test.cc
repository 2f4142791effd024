#include "exporter/web/loopback_filter.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace fencewatch;

namespace {

int port_of(int fd) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0);
  return ntohs(own.sin_port);
}

struct Listener {
  Listener() {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(listen(fd, 16) == 0);
  }
  ~Listener() { close(fd); }
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
};

// On loopback the kernel makes a connection before connect(2) returns.
bool connected(int fd) {
  sockaddr_in other{};
  socklen_t size = sizeof other;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&other), &size) == 0;
}

sockaddr_in address(in_addr_t host, int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(host);
  out.sin_port = htons(static_cast<in_port_t>(port));
  return out;
}

// From 127.0.0.2, and the port if one is given.
int stranger(int port, int from_port = 0) {
  const sockaddr_in from = address(INADDR_LOOPBACK + 1, from_port), to = address(INADDR_LOOPBACK, port);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0);
  connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  return fd;
}

}  // namespace

TEST_CASE("filter: who comes from it gets through, before and after others have tried, and nobody else") {
  const Listener listener;
  const int port = port_of(listener.fd);
  const int early = stranger(port);
  CHECK(connected(early));  // without a filter
  LoopbackFilter filter(listener.fd, port);
  CHECK(!filter.knows(port_of(early)));
  if (!filter.filters()) {
    MESSAGE("skipped: this kernel keeps SO_ATTACH_FILTER for root");
    close(early);
    return;
  }

  int ours[LoopbackFilter::kMost];
  for (int& fd : ours) {
    const int other = stranger(port);
    CHECK(!connected(other));
    close(other);
    fd = filter.connect();
    REQUIRE(fd >= 0);
    CHECK(connected(fd));
    CHECK(filter.knows(port_of(fd)));
    const int same_port = stranger(port, port_of(fd));
    CHECK(!connected(same_port));
    close(same_port);
  }
  CHECK(filter.connect() < 0);  // the table is full

  const int accepted = accept(listener.fd, nullptr, nullptr);
  CHECK(accepted >= 0);
  close(accepted);
  const int freed = port_of(ours[3]);
  filter.close(ours[3]);
  CHECK(!filter.knows(freed));
  ours[3] = filter.connect();
  CHECK(connected(ours[3]));
  const int late = stranger(port);
  CHECK(!connected(late));
  for (const int fd : ours) filter.close(fd);
  for (const int fd : {early, late}) close(fd);
}
