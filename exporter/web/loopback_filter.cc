#include "exporter/web/loopback_filter.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fencewatch {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int port_of(int fd) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 ? ntohs(own.sin_port) : 0;
}

}  // namespace

LoopbackFilter::LoopbackFilter(int listener, int port) : listener_(listener), port_(port), filters_(filter()) {}

// To a TCP socket the filter sees a segment from its TCP header on, which begins with the source port; the source address is at 12 in the
// IP header. Others could have the port at another address, 127.0.0.2 for one.
bool LoopbackFilter::filter() const {
  std::array<sock_filter, kMost + 5> code{};
  unsigned short n = 0;
  code[n++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_NET_OFF) + 12);
  code[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INADDR_LOOPBACK, 0, kMost + 1);
  code[n++] = BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0);
  for (size_t i = 0; i < kMost; ++i)
    code[n++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sources_[i] ? sources_[i].load() : 0x10000u, static_cast<uint8_t>(kMost - i), 0);
  code[n++] = BPF_STMT(BPF_RET | BPF_K, 0);
  code[n++] = BPF_STMT(BPF_RET | BPF_K, ~0u);
  const sock_fprog program{n, code.data()};
  return setsockopt(listener_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

// The port is bound without SO_REUSEADDR: as long as it is in the table nobody else can have it.
int LoopbackFilter::connect() {
  const auto slot = std::find(sources_.begin(), sources_.end(), 0);
  const int fd = slot == sources_.end() ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const sockaddr_in from = loopback(0), to = loopback(port_);
  constexpr int kOn = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0) {
    *slot = static_cast<uint16_t>(port_of(fd));
    if (filter() == filters_ && (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 || errno == EINPROGRESS)) return fd;
  }
  close(fd);
  return -1;
}

void LoopbackFilter::close(int fd) {
  const int port = port_of(fd);
  for (auto& source : sources_)
    if (port != 0 && source == port) source = 0;
  filter();
  ::close(fd);
}

bool LoopbackFilter::knows(int source_port) const {
  return source_port != 0 && std::any_of(sources_.begin(), sources_.end(), [&](const auto& source) { return source == source_port; });
}

}  // namespace fencewatch
