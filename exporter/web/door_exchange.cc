// The side of the Front that the server behind it sees.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "exporter/web/door.h"
#include "exporter/base/scan.h"

namespace fencewatch {

using front::Kind;
using State = front::Client::State;
using Io = Stream::Io;

namespace {

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

void Front::exchange(Client& client) {
  const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [](const Lane& l) { return l.state == Lane::State::idle; });
  if (lane != lanes_.end()) return begin(*lane, client);
  client.state = State::waiting;
  client.since = now_;
  watch(client, 0);
}

void Front::begin(Lane& lane, Client& client) {
  if (lane.fd < 0) {
    lane.fd = gate_.connect();
    if (lane.fd < 0) return answer(client, 502);
    lane.used = false;
    lane.watched = EPOLLIN;
    add(lane.fd, front::tag(Kind::lane, lane.index), EPOLLIN);
  }
  const RequestHead& head = client.head;
  lane.begin = 0;
  lane.end = write_request(head, head.path, head.query, lane.buffer.data(), lane.buffer.size());
  lane.state = Lane::State::sending;
  lane.told = false;
  lane.client = &client;
  lane.since = now_;
  client.lane = &lane;
  client.state = State::exchanging;
  watch(client, 0);
  send_request(lane);
}

void Front::lane_event(Lane& lane) {
  switch (lane.state) {
    case Lane::State::idle:
      return close(lane);  // it has nothing to say: the server ends it
    case Lane::State::sending:
      return send_request(lane);
    case Lane::State::head:
      return read_head(lane);
    case Lane::State::body:
      return relay(lane);
  }
}

void Front::send_request(Lane& lane) {
  while (lane.begin < lane.end) {
    const ssize_t n = send(lane.fd, lane.buffer.data() + lane.begin, lane.end - lane.begin, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return watch(lane, EPOLLOUT);
    if (n < 0) return fail(lane);
    lane.begin += static_cast<size_t>(n);
  }
  lane.begin = lane.end = 0;
  lane.state = Lane::State::head;
  watch(lane, EPOLLIN);
}

void Front::read_head(Lane& lane) {
  const ssize_t n = recv(lane.fd, lane.buffer.data() + lane.end, Lane::kBuffer - lane.end, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return fail(lane);
  lane.end += static_cast<size_t>(n);
  const AnswerHead answer = parse_answer({lane.buffer.data(), lane.end});
  if (answer.size == 0 && lane.end < Lane::kBuffer) return;
  if (!answer.good) return fail(lane);

  Client& client = *lane.client;
  const bool keep = client.head.keep_alive && !closing_;
  const size_t own = lane.end - answer.size;  // of the body
  lane.body_left = client.head.method == RequestHead::Method::head ? 0 : answer.length;
  if (own > lane.body_left) return fail(lane);
  lane.body_left -= own;
  lane.close_after = answer.close;
  client.head.keep_alive = keep;
  // Its Connection: is about the lane and comes last; the client gets one about its own, and the headers of the web configuration.
  std::string_view head{lane.buffer.data(), answer.size};
  head = head.substr(0, head.rfind("Connection: "));
  std::array<char, Lane::kMostHead> text;
  const std::string& more = client.setup->config.headers;
  const std::string_view connection = keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  if (head.size() + more.size() + connection.size() > text.size()) return fail(lane);
  char* end = std::copy(head.begin(), head.end(), text.data());
  end = std::copy(more.begin(), more.end(), end);
  end = std::copy(connection.begin(), connection.end(), end);
  const auto size = static_cast<size_t>(end - text.data());
  std::memmove(lane.buffer.data() + size, lane.buffer.data() + answer.size, own);
  std::memcpy(lane.buffer.data(), text.data(), size);
  lane.begin = 0;
  lane.end = size + own;
  lane.state = Lane::State::body;
  lane.since = now_;
  relay(lane);
}

void Front::relay(Lane& lane) {
  if (lane.state != Lane::State::body) return;
  Client& client = *lane.client;
  while (true) {
    while (lane.begin < lane.end) {
      size_t put = 0;
      const Io io = client.stream.write(lane.buffer.data() + lane.begin, lane.end - lane.begin, put);
      if (io == Io::ended) return drop(client);
      if (io != Io::done) {
        watch(lane, 0);
        return wait(client, io);
      }
      lane.told = true;
      lane.begin += put;
    }
    watch(client, 0);
    lane.begin = lane.end = 0;
    if (lane.body_left == 0) return finish(lane);
    const ssize_t n = recv(lane.fd, lane.buffer.data(), std::min<uint64_t>(Lane::kBuffer, lane.body_left), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return watch(lane, EPOLLIN);
    if (n <= 0) return fail(lane);
    lane.end = static_cast<size_t>(n);
    lane.body_left -= lane.end;
  }
}

void Front::finish(Lane& lane) {
  Client& client = *lane.client;
  client.lane = nullptr;
  lane.client = nullptr;
  lane.used = true;
  if (lane.close_after) {
    close(lane);
  } else {
    lane.state = Lane::State::idle;
    watch(lane, EPOLLIN);
  }
  serve_waiting();  // first: the client may have more requests ready
  if (client.head.keep_alive) return next_request(client);
  client.out_begin = client.out_end = 0;
  write_answer(client);
}

// The server closed before it had answered. When it had been idle it may just have grown tired: once more, on a new one.
void Front::fail(Lane& lane) {
  Client& client = *lane.client;
  const bool nothing_came = lane.state == Lane::State::sending || (lane.state == Lane::State::head && lane.end == 0);
  const bool again = lane.used && nothing_came;
  const bool told = lane.told;
  client.lane = nullptr;
  lane.client = nullptr;
  close(lane);
  if (again)
    begin(lane, client);
  else if (told)
    drop(client);
  else
    answer(client, 502);
}

void Front::close(Lane& lane) {
  if (lane.fd >= 0) gate_.close(lane.fd);
  lane.fd = -1;
  lane.state = Lane::State::idle;
}

void Front::serve_waiting() {
  while (true) {
    const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [](const Lane& l) { return l.state == Lane::State::idle; });
    Client* first = nullptr;
    for (const auto& client : clients_)
      if (client && client->state == State::waiting && (!first || client->since < first->since)) first = client.get();
    if (lane == lanes_.end() || !first) return;
    begin(*lane, *first);
  }
}

}  // namespace fencewatch
