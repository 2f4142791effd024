// What no exporter of these files on civetweb can go below: per request, every file read whole with pread, and the bytes that the
// exporter under test sent, sent again. Nothing is parsed, rendered or compressed.
//   floor PORT BODY GZIP_BODY FILE…    BODY, GZIP_BODY: what to send, from files
#include <civetweb.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

struct Floor {
  std::string body, gzip;
  std::vector<int> files;
  std::vector<char> buffer = std::vector<char>(1 << 20);
  std::mutex mutex;  // one collection at a time, as in an exporter
};

std::string contents(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::perror(path);
    std::exit(1);
  }
  return {std::istreambuf_iterator<char>(in), {}};
}

void read_all(Floor& floor) {
  for (const int fd : floor.files) {
    off_t at = 0;
    while (true) {
      const ssize_t n = ::pread(fd, floor.buffer.data(), floor.buffer.size(), at);
      if (n <= 0) break;
      at += n;
    }
  }
}

int answer(mg_connection* connection, void* data) {
  Floor& floor = *static_cast<Floor*>(data);
  {
    const std::lock_guard lock(floor.mutex);
    read_all(floor);
  }
  const bool gzip = mg_get_header(connection, "Accept-Encoding") != nullptr;
  const std::string& body = gzip ? floor.gzip : floor.body;
  mg_response_header_start(connection, 200);
  mg_response_header_add(connection, "Content-Type", "text/plain; version=0.0.4; charset=utf-8", -1);
  if (gzip) mg_response_header_add(connection, "Content-Encoding", "gzip", -1);
  mg_response_header_add(connection, "Content-Length", std::to_string(body.size()).c_str(), -1);
  mg_response_header_send(connection);
  mg_write(connection, body.data(), body.size());
  return 200;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: floor PORT BODY GZIP_BODY FILE...\n");
    return 2;
  }
  Floor floor;
  floor.body = contents(argv[2]);
  floor.gzip = contents(argv[3]);
  for (int i = 4; i < argc; ++i) {
    const int fd = ::open(argv[i], O_RDONLY | O_CLOEXEC);
    if (fd >= 0) floor.files.push_back(fd);
  }
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigaddset(&end, SIGINT);
  pthread_sigmask(SIG_BLOCK, &end, nullptr);

  const std::string address = std::string("127.0.0.1:") + argv[1];
  const char* settings[] = {"listening_ports", address.c_str(), "num_threads", "4",    "enable_keep_alive", "yes", "keep_alive_timeout_ms",
                            "30000",           "tcp_nodelay",   "1",           nullptr};
  mg_callbacks callbacks{};
  const std::unique_ptr<mg_context, void (*)(mg_context*)> server(mg_start(&callbacks, nullptr, settings), mg_stop);
  if (!server) {
    std::fprintf(stderr, "floor: cannot listen on %s\n", address.c_str());
    return 1;
  }
  mg_set_request_handler(server.get(), "/metrics", answer, &floor);
  int signal = 0;
  sigwait(&end, &signal);
}
