// What systemd hands to a service and wants to hear of it, by its protocols: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). They
// are the same from 219 on; nothing happens without systemd.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

namespace fencewatch::systemd {

// The listening sockets of our .socket unit, in its order; ours from now on. Throws std::runtime_error when there is none, or one that is
// no listening stream socket.
std::vector<int> listeners();

// "READY=1", "WATCHDOG=1", "STOPPING=1". False when nobody listens.
bool notify(std::string_view state);

// Within which time systemd wants to hear WATCHDOG=1 again; 0: it does not.
std::chrono::microseconds watchdog();

}  // namespace fencewatch::systemd
