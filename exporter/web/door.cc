#include "exporter/web/door.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <new>
#include <stdexcept>

#include "exporter/base/log.h"
#include "exporter/memory/locking.h"
#include "exporter/memory/realtime.h"
#include "exporter/memory/small_stacks.h"

namespace fencewatch {

using door::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = door::Client::State;

namespace {

constexpr size_t kStack = 128 << 10;
constexpr int kAcceptAtOnce = 16;
constexpr int64_t kFlood = 12;      // so many connections have cost memory that is worth giving back
constexpr milliseconds kPause{20};  // when nothing more can be taken
constexpr int64_t kFewPlaces = 64;
constexpr milliseconds kFirstMomentsOfFew{10};
constexpr milliseconds kFirstMoments{100};  // in which nobody has to make room
constexpr seconds kAsk{10};                 // for the handshake, for a head, for taking a short answer
constexpr seconds kIdle{300};               // as long as Prometheus itself keeps a connection that it does not use
constexpr seconds kProve{120};
constexpr seconds kWait{30};
constexpr seconds kAnswer{150};   // of the server, whose own bound is two minutes
constexpr seconds kTake{30};      // for taking an answer,
constexpr seconds kTakeQuick{1};  // when others wait
constexpr seconds kLinger{2};
constexpr seconds kLastAnswers{5};  // when the front ends

Users::From from(const sockaddr_storage& address) {
  Users::From value = 0;
  if (address.ss_family == AF_INET) return reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr;
  if (address.ss_family != AF_INET6) return value;
  const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&six))
    std::memcpy(&value, &six.s6_addr[12], 4);
  else
    std::memcpy(&value, &six, 8);  // the network: all of it is one host's for the asking
  return value;
}

int made(int fd, const char* what) {
  if (fd < 0) throw std::runtime_error(std::string(what) + ": " + strerrordesc_np(errno));
  return fd;
}

// The lowest free number is given out: one above these is one of the last, which the connections to the server, collectors and logs need.
int most_descriptors() {
  constexpr rlim_t kReserve = 16;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) return INT_MAX;
  return static_cast<int>(limit.rlim_cur - std::min(kReserve, limit.rlim_cur));
}

void ring(int fd) {
  constexpr uint64_t kOne = 1;
  [[maybe_unused]] const ssize_t never_full = write(fd, &kOne, sizeof kOne);
}

}  // namespace

Door::Door(std::vector<int> listeners, Inner inner, const WebSource& web, bool health_open, HttpMetrics& metrics)
    : listeners_(std::move(listeners)),
      web_(web),
      health_open_(health_open),
      metrics_(metrics),
      filter_(inner.listener, inner.port),
      epoll_(made(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(made(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      users_(std::make_unique<Users>([this] { ring(wake_); })) {
  if (!filter_.filters())
    log::warn("the kernel refuses SO_ATTACH_FILTER: processes of this machine can reach the inner port, and get no answer");
  for (uint32_t i = 0; i < kUpstreams; ++i) upstreams_[i].index = i;
  add(wake_, door::tag(Kind::wake, 0), EPOLLIN);
  for (uint32_t i = 0; i < listeners_.size(); ++i) add(listeners_[i], door::tag(Kind::listener, i), EPOLLIN);
  const SmallStacks stacks(kStack);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "door");
    realtime::enter();
    run();
  });
}

void Door::stop() {
  ending_ = true;
  close();
  if (thread_.joinable()) thread_.join();
  for (Upstream& upstream : upstreams_) close(upstream);  // the server need not wait for them
}

Door::~Door() {
  stop();
  users_.reset();  // it rings
  for (auto& client : clients_) client.reset();
  for (const int fd : listeners_) ::close(fd);
  ::close(wake_);
  ::close(epoll_);
}

void Door::close() {
  closing_ = true;
  ring(wake_);
}

bool Door::knows(int source_port) const { return filter_.knows(source_port); }

void Door::ping() { ring(wake_); }

void Door::add(int fd, uint64_t tag, uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  made(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void Door::watch(Client& client, uint32_t events) {
  if (client.watched == events) return;
  epoll_event event{};
  event.events = client.watched = events;
  event.data.u64 = client.tag;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, client.stream.fd(), &event);
}

void Door::watch(Upstream& upstream, uint32_t events) {
  if (upstream.watched == events) return;
  epoll_event event{};
  event.events = upstream.watched = events;
  event.data.u64 = door::tag(Kind::upstream, upstream.index);
  epoll_ctl(epoll_, EPOLL_CTL_MOD, upstream.fd, &event);
}

void Door::run() noexcept {
  Clock::time_point last = Clock::time_point::max();
  while (true) {
    epoll_event events[64];
    const int wait = paused_ ? static_cast<int>(kPause.count()) : connections_ == 0 && most_ < kFlood && !closing_ ? -1 : 500;
    const int n = epoll_wait(epoll_, events, static_cast<int>(std::size(events)), wait);
    now_ = Clock::now();
    for (int i = 0; i < n; ++i) turn(events[i]);
    if (now_ >= next_sweep_) sweep();
    if (!closing_) {
      if (paused_ && now_ >= paused_until_) unpause();
      continue;
    }
    pause();
    for (auto& client : clients_)
      if (client && client->state != State::exchanging && client->state != State::taking && client->state != State::lingering)
        drop(*client);
    last = std::min(last, now_ + kLastAnswers);
    if (ending_ && (!busy() || now_ >= last)) return;
  }
}

void Door::turn(const epoll_event& event) {
  try {
    this->event(event.data.u64, event.events);
  } catch (const std::exception&) {  // memory
    abandon(event.data.u64);
  }
}

// The connection in whose turn something was thrown.
void Door::abandon(uint64_t tag) {
  const uint32_t index = door::index_of(tag);
  Client* client = nullptr;
  if (door::kind_of(tag) == Kind::upstream) client = upstreams_[index].client;
  if (door::kind_of(tag) == Kind::client && clients_[index] && clients_[index]->tag == tag) client = clients_[index].get();
  if (client) drop(*client, Lost::memory);
}

bool Door::busy() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const auto& client) { return client && (client->state == State::exchanging || client->state == State::taking); });
}

void Door::event(uint64_t tag, uint32_t events) {
  const uint32_t index = door::index_of(tag);
  switch (door::kind_of(tag)) {
    case Kind::wake: {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t emptied = ::read(wake_, &count, sizeof count);
      ++pongs_;
      return hear_users();
    }
    case Kind::listener:
      return accept(listeners_[index]);
    case Kind::upstream:
      return upstream_event(upstreams_[index]);
    case Kind::client:
      if (clients_[index] && clients_[index]->tag == tag) client_event(*clients_[index], events);
  }
}

void Door::accept(int listener) {
  for (int i = 0; i < kAcceptAtOnce && !closing_; ++i) {
    auto place = std::find(clients_.begin(), clients_.end(), nullptr);
    if (place == clients_.end()) {
      if (!make_room()) return pause();
      place = std::find(clients_.begin(), clients_.end(), nullptr);
    }
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
      if (make_room()) continue;  // what was missing, a descriptor or memory, is there now
      return pause();
    }
    if (fd >= most_descriptors() && !make_room()) {
      ::close(fd);
      ++lost_[static_cast<size_t>(Lost::full)];
      return pause();
    }
    constexpr int kOn = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
    const uint64_t tag = door::tag(Kind::client, static_cast<uint32_t>(place - clients_.begin()), ++generation_);
    try {
      *place = std::make_unique<Client>(fd, web_.now()->tls, tag, from(address));
      most_ = std::max(most_, ++connections_);
      (*place)->since = now_;
      (*place)->watched = EPOLLIN;
      add(fd, tag, EPOLLIN);
    } catch (const std::exception&) {  // memory
      if (!*place) ::close(fd);
      *place ? drop(**place, Lost::memory) : static_cast<void>(++lost_[static_cast<size_t>(Lost::memory)]);
      return;
    }
  }
}

// False: everybody is at work or has only just come. Few places want to be changed faster.
bool Door::make_room() {
  const milliseconds first_moments = connections_ < kFewPlaces ? kFirstMomentsOfFew : kFirstMoments;
  Client* oldest = nullptr;
  const auto better = [&oldest](const Client& c) {
    return !oldest || c.stranger() > oldest->stranger() || (c.stranger() == oldest->stranger() && c.since < oldest->since);
  };
  const auto may_go = [this, first_moments](const Client& c) {
    return (c.stranger() || c.state == State::reading || c.state == State::taking) && now_ - c.since >= first_moments;
  };
  for (const auto& client : clients_)
    if (client && may_go(*client) && better(*client)) oldest = client.get();
  if (oldest) drop(*oldest, Lost::full);
  return oldest != nullptr;
}

// A pause is a pause: it ends by the clock, not by the next turn.
void Door::pause() {
  paused_until_ = now_ + kPause;
  if (!std::exchange(paused_, true)) listen_for(0);
}

void Door::unpause() {
  paused_ = false;
  listen_for(EPOLLIN);
}

void Door::listen_for(uint32_t events) {
  for (uint32_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = door::tag(Kind::listener, i);
    epoll_ctl(epoll_, EPOLL_CTL_MOD, listeners_[i], &event);
  }
}

void Door::drop(Client& client) {
  if (client.upstream) {
    client.upstream->client = nullptr;
    close(*client.upstream);
  }
  forget_rest(client);
  clients_[door::index_of(client.tag)].reset();
  --connections_;
}

void Door::drop(Client& client, Lost reason) {
  ++lost_[static_cast<size_t>(reason)];
  drop(client);
}

bool Door::late(Client& client) {
  const auto age = now_ - client.since;
  switch (client.state) {
    case State::handshaking:
    case State::answering:
      return age > kAsk;
    case State::reading:
      return age > (client.served && client.idle() ? kIdle : kAsk);
    case State::proving:
      return age > kProve;
    case State::waiting:
      return false;  // it gets an answer, see sweep()
    case State::exchanging: {
      const bool answered = client.upstream->state == Upstream::State::body;
      const bool others = std::any_of(clients_.begin(), clients_.end(), [](const auto& c) { return c && c->state == State::waiting; });
      return now_ - client.upstream->since > (!answered ? kAnswer : others ? kTakeQuick : kTake);
    }
    case State::taking:
      return age > kTake;
    case State::lingering:
      return age > kLinger;
  }
  return false;
}

void Door::sweep() {
  next_sweep_ = now_ + milliseconds(250);
  for (auto& client : clients_) {
    if (!client) continue;
    if (late(*client))
      drop(*client, Lost::timeout);
    else if (client->state == State::waiting && now_ - client->since > kWait)
      answer(*client, 503, "too many requests at once\n");
  }
  serve_waiting();
  if (most_ >= kFlood && connections_ <= most_ / 8) {
    memory::give_back();
    most_ = connections_;
  }
}

namespace {

constexpr Family kFamilies[] = {
    {"fencewatch_web_config_last_reload_successful", Type::gauge,
     "Whether the web configuration and the files that it names are in force as they are now (1), or older ones because these were "
     "refused (0), from the exporter itself.",
     ""},
    {"fencewatch_web_certificate_expiry_timestamp_seconds", Type::gauge,
     "When the certificate in force expires in seconds since the epoch, from tls_server_config.cert_file.", ""},
    {"fencewatch_web_connections", Type::gauge, "Open connections, from the exporter itself.", ""},
    {"fencewatch_web_connections_lost_total", Type::counter,
     "Connections that ended without an answer, because there was no room (full), because they were too slow (timeout), for want of a "
     "TLS handshake (tls) or of memory (memory), from the exporter itself.",
     "reason"},
};
constexpr std::string_view kReasons[] = {"full", "timeout", "tls", "memory"};

}  // namespace

std::span<const Family> Door::families() { return kFamilies; }

void Door::write(Page& page) const {
  if (web_.configured()) page.one(kFamilies[0], uint64_t{web_.last_reload_successful()});
  if (const auto setup = web_.now(); setup->tls) page.one(kFamilies[1], static_cast<uint64_t>(setup->tls->not_after()));
  page.one(kFamilies[2], static_cast<uint64_t>(connections_.load()));
  page.begin(kFamilies[3]);
  for (size_t i = 0; i < lost_.size(); ++i) page.sample({{"reason", kReasons[i]}}, lost_[i].load());
}

}  // namespace fencewatch
