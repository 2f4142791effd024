#include "exporter/connections.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>

namespace fencewatch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(10);  // between looks while every worker is taken
constexpr int kHighestSocket = 1024;                   // the lowest free number is given out, and we hold far fewer

}  // namespace

void Connections::start() { thread_ = std::thread(&Connections::watch, this); }

void Connections::stop() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    shut_down(Clock::duration(-1));
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Connections::Slot* Connections::hire() {
  const Lock lock(mutex_);
  return hired_ < kWorkers ? &slots_[hired_++] : nullptr;
}

void Connections::opened(Slot& slot, const char* address, int port) {
  const Lock lock(mutex_);
  slot.peer = inet_addr(address);
  slot.peer_port = htons(static_cast<in_port_t>(port));
  slot.at_work = false;
  slot.open = true;
  slot.since = Clock::now();
  if (++open_ == kWorkers || stopping_) wake_.notify_all();
}

void Connections::at_work(Slot& slot) {
  const Lock lock(mutex_);
  slot.at_work = true;
}

void Connections::waiting(Slot& slot) {
  const Lock lock(mutex_);
  slot.at_work = false;
  slot.since = Clock::now();
}

void Connections::closing(Slot& slot) {
  const Lock lock(mutex_);
  slot.open = false;
  --open_;
}

void Connections::watch() {
  Lock lock(mutex_);
  while (!stopping_) {
    wake_.wait(lock, [this] { return stopping_ || open_ == kWorkers; });
    shut_down(kPatience);
    wake_.wait_for(lock, kTick, [this] { return stopping_; });
  }
}

void Connections::shut_down(Clock::duration patience) {
  const auto before = Clock::now() - patience;
  const auto stale = [&](const Slot& slot) { return slot.open && !slot.at_work && slot.since < before; };
  if (std::none_of(slots_.begin(), slots_.end(), stale)) return;
  for (int fd = 0; fd < kHighestSocket; ++fd) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0 || peer.sin_family != AF_INET) continue;
    const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) {
      return stale(s) && s.peer == peer.sin_addr.s_addr && s.peer_port == peer.sin_port;
    });
    if (slot != slots_.end()) shutdown(fd, SHUT_RDWR);
  }
}

}  // namespace fencewatch
