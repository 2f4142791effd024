#include "exporter/base/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "exporter/base/scan.h"

namespace fencewatch::systemd {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START

bool number_of(const char* name, int64_t& out) {
  const char* text = getenv(name);
  return text && scan::number(std::string_view(text), out);
}

// What is meant for another process is not ours: we may have inherited its environment.
bool for_us(const char* name) {
  int64_t pid = 0;
  return !getenv(name) || (number_of(name, pid) && pid == getpid());
}

bool listens(int fd) {
  int listening = 0, type = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening) return false;
  size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

std::vector<int> listeners() {
  int64_t count = 0;
  if (!getenv("LISTEN_PID") || !for_us("LISTEN_PID") || !number_of("LISTEN_FDS", count) || count < 1 || count > 64)
    throw std::runtime_error("--web.systemd-socket: systemd has handed over no socket");
  std::vector<int> all;
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    if (!listens(fd)) throw std::runtime_error("--web.systemd-socket: descriptor " + std::to_string(fd) + " is no listening stream socket");
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    all.push_back(fd);
  }
  return all;
}

bool notify(std::string_view state) {
  const char* where = getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!where || (where[0] != '/' && where[0] != '@') || std::strlen(where) >= sizeof address.sun_path) return false;
  const size_t size = std::string_view(where).copy(address.sun_path, sizeof address.sun_path);
  if (where[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  const bool sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length) >= 0;
  close(fd);
  return sent;
}

std::chrono::microseconds watchdog() {
  int64_t within = 0;
  if (!for_us("WATCHDOG_PID") || !number_of("WATCHDOG_USEC", within) || within < 0) return {};
  return std::chrono::microseconds(within);
}

}  // namespace fencewatch::systemd
