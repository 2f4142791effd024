// The side of the Door that clients see.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "exporter/web/door.h"

namespace fencewatch {

using State = door::Client::State;
using Io = Stream::Io;

namespace {

struct Told {
  int code;
  std::string_view name, text;
};
constexpr Told kTold[] = {
    {400, "Bad Request", "this is no HTTP request\n"},
    {401, "Unauthorized", "a user and his password are required\n"},
    {403, "Forbidden", "a client certificate is required\n"},
    {405, "Method Not Allowed", "only GET and HEAD are allowed\n"},
    {413, "Content Too Large", "a request with a body is not taken\n"},
    {429, "Too Many Requests", "more requests than rate_limit allows\n"},
    {431, "Request Header Fields Too Large", "the head of the request is longer than 8192 bytes\n"},
    {502, "Bad Gateway", "no answer from within\n"},
    {503, "Service Unavailable", "too many passwords at once\n"},
    {505, "HTTP Version Not Supported", "HTTP/1.0 and HTTP/1.1 are spoken\n"},
};

constexpr bool is_health(std::string_view path) { return path == "/-/healthy" || path == "/-/ready"; }

}  // namespace

void Door::client_event(Client& client, uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) return drop(client);
  switch (client.state) {
    case State::handshaking: {
      if (speaks_plainly(client)) return;
      const Io io = client.stream.handshake();
      if (io == Io::ended) return drop(client, Lost::tls);
      if (io != Io::done) return wait(client, io);
      client.state = State::reading;
      return read(client);
    }
    case State::reading:
      return read(client);
    case State::exchanging:
      return relay(*client.upstream);
    case State::taking:
      return take(client);
    case State::answering:
      return write_answer(client);
    case State::lingering: {
      char waste[4096];
      const ssize_t n = recv(client.stream.fd(), waste, sizeof waste, 0);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) drop(client);
      return;
    }
    case State::proving:
    case State::waiting:
      return;
  }
}

// HTTP on a port of TLS: told in the words of Go's server, which operators know.
bool Door::speaks_plainly(Client& client) {
  char first = 0;
  if (!client.stream.encrypted() || recv(client.stream.fd(), &first, 1, MSG_PEEK) != 1 || first < 'A' || first > 'Z') return false;
  constexpr std::string_view kText =
      "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
  [[maybe_unused]] const ssize_t fits_or_is_lost = send(client.stream.fd(), kText.data(), kText.size(), MSG_NOSIGNAL);
  ++lost_[static_cast<size_t>(Lost::tls)];
  client.stream.finish();
  client.state = State::lingering;
  client.since = now_;
  watch(client, EPOLLIN);
  return true;
}

void Door::wait(Client& client, Io io) { watch(client, io == Io::want_write ? EPOLLOUT : EPOLLIN); }

void Door::read(Client& client) {
  while (true) {
    if (client.in_size > 0) {
      const ParsedHead parsed = parse_request_head({client.in.data(), client.in_size}, client.head);
      client.head_size = parsed.size;
      if (parsed.refused) {
        client.asked = now_;
        return answer(client, parsed.refused);
      }
      if (parsed.size > 0) return request(client);
    }
    size_t got = 0;
    const Io io = client.stream.read(client.in.data() + client.in_size, client.in.size() - client.in_size, got);
    if (io == Io::ended) return drop(client);
    if (io != Io::done) return wait(client, io);
    if (client.in_size == 0 && client.served) client.since = now_;
    client.in_size += got;
  }
}

void Door::request(Client& client) {
  client.asked = now_;
  client.setup = web_.now();
  if (const int code = refusal(client)) return answer(client, code);
  if (client.state != State::proving) go_on(client);
}

// The code of the answer, or 0. What is open to all is told by the path as it is handed on, to the letter.
int Door::refusal(Client& client) {
  const WebConfig& config = client.setup->config;
  if (health_open_ && is_health(client.head.path)) return 0;
  if (!take_token(config)) return 429;
  if (client.stream.requires_certificate() && !client.stream.has_certificate()) return 403;
  if (config.users.empty()) return 0;
  std::array<char, 1024> buffer;
  std::string_view name, password;
  if (!basic_credentials(client.head.authorization, buffer, name, password)) return 401;
  const Users::Verdict verdict = users_->check(config.users, name, password, client.from, client.tag);
  explicit_bzero(buffer.data(), buffer.size());
  if (verdict == Users::Verdict::refused) return 401;
  if (verdict == Users::Verdict::busy) return 503;
  if (verdict == Users::Verdict::pending) {
    client.state = State::proving;
    client.since = now_;
    watch(client, 0);
  }
  return 0;
}

// The bucket of golang.org/x/time/rate: `rate_burst` at most, one more each `rate_interval`.
bool Door::take_token(const WebConfig& config) {
  if (config.rate_interval.count() == 0) return true;
  const double most = config.rate_burst;
  const double more = std::chrono::duration<double>(now_ - refilled_) / config.rate_interval;
  tokens_ = tokens_ < 0 ? most : std::min(most, tokens_ + more);
  refilled_ = now_;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void Door::hear_users() {
  for (Users::Told told{}; users_->next(told);) {
    auto& client = clients_[door::index_of(told.ticket)];
    if (!client || client->tag != told.ticket || client->state != State::proving) continue;
    if (told.verdict == Users::Verdict::proven)
      go_on(*client);
    else
      answer(*client, told.verdict == Users::Verdict::busy ? 503 : 401);
  }
}

void Door::go_on(Client& client) {
  if (client.head.method == RequestHead::Method::other) return answer(client, 405);
  client.served = true;
  exchange(client);
}

// After an exchange on a connection that goes on.
void Door::next_request(Client& client) {
  client.in_size -= client.head_size;
  std::memmove(client.in.data(), client.in.data() + client.head_size, client.in_size);
  client.setup = nullptr;
  client.state = State::reading;
  client.since = now_;
  read(client);
}

// The connection ends with it: what else the client has sent is not looked at.
void Door::answer(Client& client, int code, std::string_view text) {
  const Told& told = *std::find_if(std::begin(kTold), std::end(kTold) - 1, [code](const Told& t) { return t.code == code; });
  if (text.empty()) text = told.text;
  const auto setup = client.setup ? client.setup : web_.now();
  const bool head_only = client.head.method == RequestHead::Method::head;
  const std::string_view more = code == 401   ? "WWW-Authenticate: Basic realm=\"fencewatch\"\r\n"
                                : code == 405 ? "Allow: GET, HEAD\r\n"
                                              : "";
  const int size =
      snprintf(client.in.data(), client.in.size(),
               "HTTP/1.1 %d %.*s\r\nContent-Type: text/plain; charset=utf-8\r\n%s%.*sX-Content-Type-Options: nosniff\r\n"
               "Content-Length: %zu\r\nConnection: close\r\n\r\n%.*s",
               code, static_cast<int>(told.name.size()), told.name.data(), setup->config.headers.c_str(), static_cast<int>(more.size()),
               more.data(), text.size(), head_only ? 0 : static_cast<int>(text.size()), text.data());
  client.out_begin = 0;
  client.out_end = static_cast<size_t>(size);
  client.state = State::answering;
  client.since = now_;
  metrics_.count(code, now_ - client.asked);
  write_answer(client);
}

void Door::write_answer(Client& client) {
  while (client.out_begin < client.out_end) {
    size_t put = 0;
    const Io io = client.stream.write(client.in.data() + client.out_begin, client.out_end - client.out_begin, put);
    if (io == Io::ended) return drop(client);
    if (io != Io::done) return wait(client, io);
    client.out_begin += put;
  }
  client.stream.finish();
  client.state = State::lingering;
  client.since = now_;
  watch(client, EPOLLIN);
}

}  // namespace fencewatch
