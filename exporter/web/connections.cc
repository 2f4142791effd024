#include "exporter/web/connections.h"

#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "exporter/memory/small_stacks.h"

namespace fencewatch {
namespace {

constexpr auto kTick = std::chrono::milliseconds(10);  // between looks while every worker is taken
constexpr size_t kStack = 64 << 10;

}  // namespace

void Connections::start(std::vector<int> ports) {
  ports_ = std::move(ports);
  const SmallStacks stacks(kStack);
  thread_ = std::thread(&Connections::watch, this);
}

void Connections::stop() {
  {
    Lock lock(mutex_);
    stopping_ = true;
    shut_down(lock, Clock::duration(0));
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Connections::Slot* Connections::hire() {
  const Lock lock(mutex_);
  return hired_ < kWorkers ? &slots_[hired_++] : nullptr;
}

void Connections::opened(Slot& slot) {
  const Lock lock(mutex_);
  slot = {true, State::reading, {}, Clock::now()};
  if (++open_ == kWorkers) wake_.notify_all();
}

void Connections::at_work(Slot& slot, const char* address, int port) {
  const Lock lock(mutex_);
  slot.peer = {inet_addr(address), htons(static_cast<in_port_t>(port))};
  slot.state = State::at_work;
}

void Connections::enter(Slot& slot, State state) {
  const Lock lock(mutex_);
  slot.state = state;
  slot.since = Clock::now();
}

void Connections::closing(Slot& slot) {
  const Lock lock(mutex_);
  slot.open = false;
  --open_;
  ++closing_;
}

void Connections::closed() {
  const Lock lock(mutex_);
  if (--closing_ == 0) all_closed_.notify_all();
}

void Connections::watch() {
  Lock lock(mutex_);
  while (!stopping_) {
    wake_.wait(lock, [this] { return stopping_ || open_ == kWorkers; });
    shut_down(lock, kPatience);
    wake_.wait_for(lock, kTick, [this] { return stopping_; });
  }
}

bool Connections::ours(int fd, Peer& peer) const {
  sockaddr_in other{}, own{};
  socklen_t length = sizeof other;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&other), &length) != 0 || other.sin_family != AF_INET) return false;
  length = sizeof own;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) return false;
  peer = {other.sin_addr.s_addr, other.sin_port};
  return std::find(ports_.begin(), ports_.end(), ntohs(own.sin_port)) != ports_.end();
}

bool Connections::stale(int fd, const Peer& peer, Clock::time_point now, Clock::duration patience) {
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.open && s.peer == peer; });
  const bool known = slot != slots_.end();
  if (known && slot->state == State::at_work) return false;
  if (known && slot->state == State::writing) return now - slot->since >= patience;
  int unread = 0;
  if (ioctl(fd, FIONREAD, &unread) != 0) return false;
  Quiet& quiet = quiet_[static_cast<size_t>(fd)];
  if (unread > 0 || quiet.peer != peer) quiet = {peer, now};
  if (known) quiet.since = std::max(quiet.since, slot->since);
  return unread == 0 && now - quiet.since >= patience;
}

void Connections::shut_down(Lock& lock, Clock::duration patience) {
  all_closed_.wait(lock, [this] { return closing_ == 0; });
  const auto now = Clock::now();
  for (size_t fd = 0; fd < quiet_.size(); ++fd) {
    Peer peer;
    if (!ours(static_cast<int>(fd), peer))
      quiet_[fd].peer = {};
    else if (stale(static_cast<int>(fd), peer, now, patience))
      shutdown(static_cast<int>(fd), SHUT_RDWR);
  }
}

}  // namespace fencewatch
