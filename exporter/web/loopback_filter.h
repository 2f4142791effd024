// Who may connect to a listening port on loopback: sockets of this process only, by their exact source, 127.0.0.1 and a port.
//
// The kernel drops the connection attempts of all others (a filter of socket(7) SO_ATTACH_FILTER looks at each segment before a connection
// exists), so that a port scan finds nothing and nobody takes a worker. Who came before the filter is told by knows(); so is everybody
// where the filter is refused (some hardened kernels keep it for root): the server then has to end the connections of others itself.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fencewatch {

class LoopbackFilter {
 public:
  static constexpr size_t kMost = 16;

  // `listener` listens on 127.0.0.1:`port`, which is closed to all from now on.
  LoopbackFilter(int listener, int port);
  LoopbackFilter(const LoopbackFilter&) = delete;

  // A socket that does not block, on its way to the port; -1: errno tells. For one thread, as close().
  int connect();
  void close(int fd);

  bool knows(int source_port) const;  // at 127.0.0.1; any thread
  bool filters() const { return filters_; }

 private:
  bool filter() const;

  const int listener_;
  const int port_;
  std::array<std::atomic<uint16_t>, kMost> sources_{};  // 0: none
  const bool filters_;
};

}  // namespace fencewatch
