// The cheapest client that is still a client: GETs over a raw socket, and tells what the server's process paid for it.
//   scraper PORT N [gzip] [close] [pid=PID] [every=MS] [timeout=MS]
// One line: requests=N answered=N bytes=B p50_us=… p99_us=… max_us=… cpu_ns=…
// bytes: of the last body. cpu_ns: user and system time of PID per request, of all its threads, from its CPU clock
// (clock_getcpuclockid(3)): /proc/PID/stat counts in steps of 10 ms.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Options {
  int port = 0;
  int requests = 0;
  bool gzip = false;
  bool close = false;
  int pid = 0;
  milliseconds every{0};
  milliseconds timeout{10'000};
};

Options options(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: scraper PORT N [gzip] [close] [pid=PID] [every=MS] [timeout=MS]\n");
    std::exit(2);
  }
  Options o;
  o.port = std::atoi(argv[1]);
  o.requests = std::atoi(argv[2]);
  for (int i = 3; i < argc; ++i) {
    const std::string_view word = argv[i];
    const size_t equals = word.find('=');
    const int value = equals == word.npos ? 0 : std::atoi(argv[i] + equals + 1);
    if (word == "gzip") {
      o.gzip = true;
    } else if (word == "close") {
      o.close = true;
    } else if (word.starts_with("pid=")) {
      o.pid = value;
    } else if (word.starts_with("every=")) {
      o.every = milliseconds(value);
    } else if (word.starts_with("timeout=")) {
      o.timeout = milliseconds(value);
    } else {
      std::fprintf(stderr, "scraper: unknown word %s\n", argv[i]);
      std::exit(2);
    }
  }
  return o;
}

class Connection {
 public:
  ~Connection() { drop(); }
  void drop() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // The length of the body, or -1: no 200 and whole body by `deadline`.
  long get(const Options& o, const std::string& request, Clock::time_point deadline) {
    if (fd_ < 0 && !open(o.port)) return -1;
    const long body = exchange(request, deadline);
    if (body < 0 || o.close) drop();
    return body;
  }

 private:
  bool open(int port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return true;
    drop();
    return false;
  }

  // More bytes into buffer_; false at the end of the stream or at `deadline`.
  bool more(Clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
    pollfd wait{fd_, POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) != 1) return false;
    if (buffer_.size() < used_ + 65536) buffer_.resize(used_ + (1 << 20));
    const ssize_t n = ::read(fd_, buffer_.data() + used_, buffer_.size() - used_);
    if (n <= 0) return false;
    used_ += static_cast<size_t>(n);
    return true;
  }

  long exchange(const std::string& request, Clock::time_point deadline) {
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return -1;
    used_ = 0;
    size_t head = std::string_view::npos;
    while (head == std::string_view::npos) {
      if (!more(deadline)) return -1;
      head = text().find("\r\n\r\n");
    }
    const std::string_view headers = text().substr(0, head);
    if (!headers.starts_with("HTTP/1.1 200")) return -1;
    for (const std::string_view name : {"Content-Length: ", "content-length: "}) {
      const size_t at = headers.find(name);
      if (at == headers.npos) continue;
      long length = -1;
      std::from_chars(headers.data() + at + name.size(), headers.data() + headers.size(), length);
      while (used_ < head + 4 + static_cast<size_t>(length)) {
        if (!more(deadline)) return -1;
      }
      return length;
    }
    return chunked(head + 4, deadline);  // what Go's server does with a large body
  }

  // The length of a chunked body that begins at `at`, -1 when it is cut off.
  long chunked(size_t at, Clock::time_point deadline) {
    long body = 0;
    while (true) {
      size_t end = text().find("\r\n", at);
      while (end == std::string_view::npos) {
        if (!more(deadline)) return -1;
        end = text().find("\r\n", at);
      }
      size_t chunk = 0;
      std::from_chars(buffer_.data() + at, buffer_.data() + end, chunk, 16);
      at = end + 2 + chunk + 2;
      while (used_ < at) {
        if (!more(deadline)) return -1;
      }
      if (chunk == 0) return body;
      body += static_cast<long>(chunk);
    }
  }

  std::string_view text() const { return {buffer_.data(), used_}; }

  int fd_ = -1;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
  size_t used_ = 0;
};

long cpu_ns(int pid) {
  clockid_t clock;
  timespec t{};
  if (pid == 0 || ::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &t) != 0) return 0;
  return t.tv_sec * 1'000'000'000L + t.tv_nsec;
}

}  // namespace

int main(int argc, char** argv) {
  const Options o = options(argc, argv);
  const std::string request = std::string("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain;version=0.0.4\r\n") +
                              (o.gzip ? "Accept-Encoding: gzip\r\n" : "") + (o.close ? "Connection: close\r\n" : "") + "\r\n";
  std::vector<long> took;
  took.reserve(static_cast<size_t>(o.requests));
  Connection connection;
  long bytes = 0;
  const long before = cpu_ns(o.pid);
  auto due = Clock::now();
  for (int i = 0; i < o.requests; ++i) {
    std::this_thread::sleep_until(due);
    const auto begin = Clock::now();
    due = std::max(due + o.every, begin);
    const long body = connection.get(o, request, begin + o.timeout);
    if (body < 0) continue;
    bytes = body;
    took.push_back(std::chrono::duration_cast<microseconds>(Clock::now() - begin).count());
  }
  const long spent = cpu_ns(o.pid) - before;
  std::sort(took.begin(), took.end());
  const auto at = [&](double q) { return took.empty() ? -1 : took[static_cast<size_t>(q * static_cast<double>(took.size() - 1) + 0.5)]; };
  std::printf("requests=%d answered=%zu bytes=%ld p50_us=%ld p99_us=%ld max_us=%ld cpu_ns=%ld\n", o.requests, took.size(), bytes, at(0.5),
              at(0.99), at(1.0), spent / std::max(o.requests, 1));
}
