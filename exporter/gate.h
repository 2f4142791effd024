// Who may connect to a listening port on loopback: sockets of this process only, by their exact source port.
//
// The kernel drops the connection attempts of all others (a filter of socket(7) SO_ATTACH_FILTER looks at each segment before a connection
// exists), so that a port scan finds nothing and nobody takes a worker. Who came before the filter is told by knows().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fencewatch {

class Gate {
 public:
  static constexpr size_t kMost = 16;

  // `listener` listens on 127.0.0.1:`port`, which is closed to all from now on. Throws std::runtime_error.
  Gate(int listener, int port);
  Gate(const Gate&) = delete;

  // A socket that does not block, on its way to the port; -1: errno tells. For one thread, as close().
  int connect();
  void close(int fd);

  bool knows(int source_port) const;  // any thread

 private:
  bool filter() const;

  const int listener_;
  const int port_;
  std::array<std::atomic<uint16_t>, kMost> sources_{};  // 0: none
};

}  // namespace fencewatch
