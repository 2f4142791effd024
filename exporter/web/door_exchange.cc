// The side of the Door that the server behind it sees.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "exporter/base/scan.h"
#include "exporter/web/door.h"

namespace fencewatch {

using door::Kind;
using State = door::Client::State;
using Io = Stream::Io;

namespace {

constexpr std::chrono::milliseconds kFirstMomentsOfTaking{20};

// The head of an answer as reply.cc writes it.
struct AnswerHead {
  size_t size = 0;  // 0: not all of it yet
  uint64_t length = 0;
  bool close = false;
  bool good = false;
};

AnswerHead parse_answer(std::string_view bytes) {
  AnswerHead answer;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) return answer;
  answer.size = end + 4;
  std::string_view rest = bytes.substr(0, end + 2), line;
  if (!rest.starts_with("HTTP/1.1 ")) return answer;
  while (scan::next_line(rest, line)) {
    line.remove_suffix(1);
    if (line.starts_with("Content-Length: ")) answer.good = scan::number(line.substr(16), answer.length);
    if (line == "Connection: close") answer.close = true;
  }
  return answer;
}

}  // namespace

void Door::exchange(Client& client) {
  const auto upstream =
      std::find_if(upstreams_.begin(), upstreams_.end(), [](const Upstream& l) { return l.state == Upstream::State::idle; });
  if (upstream != upstreams_.end()) return begin(*upstream, client);
  client.state = State::waiting;
  client.since = now_;
  watch(client, 0);
}

void Door::begin(Upstream& upstream, Client& client) {
  if (upstream.fd < 0) {
    upstream.fd = filter_.connect();
    if (upstream.fd < 0) return answer(client, 502);
    upstream.used = false;
    upstream.watched = EPOLLIN;
    add(upstream.fd, door::tag(Kind::upstream, upstream.index), EPOLLIN);
  }
  const RequestHead& head = client.head;
  upstream.begin = 0;
  upstream.end = write_request(head, head.path, head.query, upstream.buffer.data(), upstream.buffer.size());
  upstream.state = Upstream::State::sending;
  upstream.told = false;
  upstream.client = &client;
  upstream.since = now_;
  client.upstream = &upstream;
  client.state = State::exchanging;
  watch(client, 0);
  send_request(upstream);
}

void Door::upstream_event(Upstream& upstream) {
  switch (upstream.state) {
    case Upstream::State::idle:
      return close(upstream);  // it has nothing to say: the server ends it
    case Upstream::State::sending:
      return send_request(upstream);
    case Upstream::State::head:
      return read_head(upstream);
    case Upstream::State::body:
      return relay(upstream);
  }
}

void Door::send_request(Upstream& upstream) {
  while (upstream.begin < upstream.end) {
    const ssize_t n = send(upstream.fd, upstream.buffer.data() + upstream.begin, upstream.end - upstream.begin, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return watch(upstream, EPOLLOUT);
    if (n < 0) return fail(upstream);
    upstream.begin += static_cast<size_t>(n);
  }
  upstream.begin = upstream.end = 0;
  upstream.state = Upstream::State::head;
  watch(upstream, EPOLLIN);
}

void Door::read_head(Upstream& upstream) {
  const ssize_t n = recv(upstream.fd, upstream.buffer.data() + upstream.end, Upstream::kBuffer - upstream.end, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return fail(upstream);
  upstream.end += static_cast<size_t>(n);
  const AnswerHead answer = parse_answer({upstream.buffer.data(), upstream.end});
  if (answer.size == 0 && upstream.end < Upstream::kBuffer) return;
  if (!answer.good) return fail(upstream);

  Client& client = *upstream.client;
  const bool keep = client.head.keep_alive && !closing_;
  const size_t own = upstream.end - answer.size;  // of the body
  upstream.body_left = client.head.method == RequestHead::Method::head ? 0 : answer.length;
  if (own > upstream.body_left) return fail(upstream);
  upstream.body_left -= own;
  upstream.close_after = answer.close;
  client.head.keep_alive = keep;
  // Its Connection: is about the upstream and comes last; the client gets one about its own, and the headers of the web configuration.
  std::string_view head{upstream.buffer.data(), answer.size};
  head = head.substr(0, head.rfind("Connection: "));
  std::array<char, Upstream::kMostHead> text;
  const std::string& more = client.setup->config.headers;
  const std::string_view connection = keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  if (head.size() + more.size() + connection.size() > text.size()) return fail(upstream);
  char* end = std::copy(head.begin(), head.end(), text.data());
  end = std::copy(more.begin(), more.end(), end);
  end = std::copy(connection.begin(), connection.end(), end);
  const auto size = static_cast<size_t>(end - text.data());
  std::memmove(upstream.buffer.data() + size, upstream.buffer.data() + answer.size, own);
  std::memcpy(upstream.buffer.data(), text.data(), size);
  upstream.begin = 0;
  upstream.end = size + own;
  upstream.state = Upstream::State::body;
  upstream.since = now_;
  relay(upstream);
}

void Door::relay(Upstream& upstream) {
  if (upstream.state != Upstream::State::body) return;
  Client& client = *upstream.client;
  while (true) {
    while (!client.slow() && upstream.begin < upstream.end) {
      size_t put = 0;
      const Io io = client.stream.write(upstream.buffer.data() + upstream.begin, upstream.end - upstream.begin, put);
      if (io == Io::ended) return drop(client);
      if (io != Io::done && !keep_rest(upstream)) return;
      upstream.told = true;
      upstream.begin += put;
    }
    watch(client, 0);
    client.rest.append({upstream.buffer.data() + upstream.begin, upstream.end - upstream.begin});
    upstream.begin = upstream.end = 0;
    if (upstream.body_left == 0) return client.slow() ? part(upstream) : finish(upstream);
    const ssize_t n = recv(upstream.fd, upstream.buffer.data(), std::min<uint64_t>(Upstream::kBuffer, upstream.body_left), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return watch(upstream, EPOLLIN);
    if (n <= 0) return fail(upstream);
    upstream.end = static_cast<size_t>(n);
    upstream.body_left -= upstream.end;
  }
}

// From now on the answer is collected for the client, who may take his time while the upstream serves others. False: he was dropped.
bool Door::keep_rest(Upstream& upstream) {
  Client& client = *upstream.client;
  const size_t size = upstream.end - upstream.begin + upstream.body_left;
  if (!make_room_for_rest(size)) return drop(client, Lost::timeout), false;
  client.rest.reserve(size);
  rests_ += client.rest.capacity();
  return true;
}

// Of those that take their answer slowly the slowest makes room, but not in his first moments.
bool Door::make_room_for_rest(size_t size) {
  if (size > kMostRests) return false;
  while (rests_ + size > kMostRests) {
    Client* slowest = nullptr;
    for (const auto& client : clients_)
      if (client && client->state == State::taking && (!slowest || client->since < slowest->since)) slowest = client.get();
    if (!slowest || now_ - slowest->since < kFirstMomentsOfTaking) return false;
    drop(*slowest, Lost::timeout);
  }
  return true;
}

void Door::forget_rest(Client& client) {
  rests_ -= client.rest.capacity();
  client.rest = Bytes();
}

void Door::take(Client& client) {
  while (client.out_begin < client.rest.size()) {
    size_t put = 0;
    const Io io = client.stream.write(client.rest.data() + client.out_begin, client.rest.size() - client.out_begin, put);
    if (io == Io::ended) return drop(client);
    if (io != Io::done) return wait(client, io);
    client.out_begin += put;
  }
  forget_rest(client);
  if (client.head.keep_alive) return next_request(client);
  client.out_begin = client.out_end = 0;
  write_answer(client);
}

// The answer has come whole, and the client has not yet taken it.
void Door::part(Upstream& upstream) {
  Client& client = *upstream.client;
  release(upstream);
  client.state = State::taking;
  client.since = now_;
  client.out_begin = 0;
  serve_waiting();
  take(client);
}

void Door::release(Upstream& upstream) {
  upstream.client->upstream = nullptr;
  upstream.client = nullptr;
  upstream.used = true;
  if (upstream.close_after) {
    close(upstream);
  } else {
    upstream.state = Upstream::State::idle;
    watch(upstream, EPOLLIN);
  }
}

void Door::finish(Upstream& upstream) {
  Client& client = *upstream.client;
  release(upstream);
  serve_waiting();  // first: the client may have more requests ready
  if (client.head.keep_alive) return next_request(client);
  client.out_begin = client.out_end = 0;
  write_answer(client);
}

// The server closed before it had answered. When it had been idle it may just have grown tired: once more, on a new one.
void Door::fail(Upstream& upstream) {
  Client& client = *upstream.client;
  const bool nothing_came = upstream.state == Upstream::State::sending || (upstream.state == Upstream::State::head && upstream.end == 0);
  const bool again = upstream.used && nothing_came;
  const bool told = upstream.told;
  client.upstream = nullptr;
  upstream.client = nullptr;
  close(upstream);
  if (again)
    begin(upstream, client);
  else if (told)
    drop(client);
  else
    answer(client, 502);
}

void Door::close(Upstream& upstream) {
  if (upstream.fd >= 0) filter_.close(upstream.fd);
  upstream.fd = -1;
  upstream.state = Upstream::State::idle;
}

void Door::serve_waiting() {
  while (true) {
    const auto upstream =
        std::find_if(upstreams_.begin(), upstreams_.end(), [](const Upstream& l) { return l.state == Upstream::State::idle; });
    Client* first = nullptr;
    for (const auto& client : clients_)
      if (client && client->state == State::waiting && (!first || client->since < first->since)) first = client.get();
    if (upstream == upstreams_.end() || !first) return;
    begin(*upstream, *first);
  }
}

}  // namespace fencewatch
