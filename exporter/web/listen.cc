#include "exporter/web/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "exporter/base/scan.h"

namespace fencewatch::listen {
namespace {

constexpr int kBacklog = 4096;

}  // namespace

void refuse(std::string_view address, std::string_view reason) {
  throw std::runtime_error("cannot listen on " + std::string(address) + ": " + std::string(reason));
}

std::string reason(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + ('a' - 'A'));
  return text;
}

namespace {

struct Place {
  std::string host;  // without brackets; empty: all
  std::string port;
};

Place place(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == address.npos) refuse(address, "expected [address]:port");
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

// Both kinds on one socket, unless another address of the list is that of IPv4 on the same port.
int open_one(const std::string& address, const std::string& host, const std::string& port, bool both, int& error) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int fault = getaddrinfo(host.c_str(), port.c_str(), &hints, &found)) refuse(address, gai_strerror(fault));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  for (addrinfo* other = found; other && found->ai_family != AF_INET; other = other->ai_next)
    if (other->ai_family == AF_INET) found = other;  // as Go does with a name that has addresses of both kinds
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  constexpr int kOn = 1;
  const int only_v6 = !both;
  const bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn) == 0 &&
                    (found->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6) == 0) &&
                    bind(fd, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0;
  if (good) return fd;
  error = errno;
  if (fd >= 0) close(fd);
  return -1;
}

}  // namespace

std::vector<int> open(const std::vector<std::string>& addresses) {
  std::vector<int> all;
  for (const std::string& address : addresses) {
    const Place at = place(address);
    const bool every = at.host.empty() || at.host == "::";
    const bool both = std::none_of(addresses.begin(), addresses.end(), [&at](const std::string& other) {
      return place(other).host == "0.0.0.0" && place(other).port == at.port && at.port != "0";
    });
    int error = 0;
    int fd = open_one(address, every ? "::" : at.host, at.port, both, error);
    const bool no_v6 = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
    if (fd < 0 && at.host.empty() && no_v6) fd = open_one(address, "0.0.0.0", at.port, both, error);
    if (fd >= 0) {
      all.push_back(fd);
      continue;
    }
    for (const int opened : all) close(opened);
    refuse(address, reason(error));
  }
  return all;
}

void defer(int fd) {
  constexpr int kSeconds = 30;
  setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &kSeconds, sizeof kSeconds);
}

std::string address(int fd) {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  } own{};
  socklen_t size = sizeof own;
  if (getsockname(fd, &own.any, &size) != 0) return {};
  if (own.any.sa_family == AF_UNIX) return {own.local.sun_path, strnlen(own.local.sun_path, sizeof own.local.sun_path)};
  char text[INET6_ADDRSTRLEN] = "";
  const bool v6 = own.any.sa_family == AF_INET6;
  inet_ntop(own.any.sa_family, v6 ? static_cast<const void*>(&own.v6.sin6_addr) : &own.v4.sin_addr, text, sizeof text);
  std::string shown = v6 ? "[" : "";
  shown.append(text).append(v6 ? "]:" : ":").append(std::to_string(ntohs(v6 ? own.v6.sin6_port : own.v4.sin_port)));
  return shown;
}

int on_loopback(int port) {
  for (int fd = 0; fd < 1024; ++fd) {
    int listening = 0;
    socklen_t length = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || !listening) continue;
    sockaddr_in own{};
    length = sizeof own;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0 || own.sin_family != AF_INET) continue;
    if (ntohs(own.sin_port) == port && own.sin_addr.s_addr == htonl(INADDR_LOOPBACK)) return fd;
  }
  return -1;
}

}  // namespace fencewatch::listen
