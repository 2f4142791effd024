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

// The buffer is as large as the file needs and no larger: reading proc/sys costs the kernel a zeroed copy of the whole buffer.
struct File {
  int fd;
  std::vector<char> buffer = std::vector<char>(2048);
};

struct Floor {
  std::string plain, gzip;  // whole responses
  std::vector<File> files;
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

std::string response(const std::string& body, const std::string& header) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" + header +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void read_all(Floor& floor) {
  for (File& file : floor.files) {
    size_t used = 0;
    while (true) {
      const ssize_t n = ::pread(file.fd, file.buffer.data() + used, file.buffer.size() - used, static_cast<off_t>(used));
      if (n <= 0) break;
      used += static_cast<size_t>(n);
      if (used == file.buffer.size()) file.buffer.resize(2 * used);
    }
  }
}

int answer(mg_connection* connection, void* data) {
  Floor& floor = *static_cast<Floor*>(data);
  {
    const std::lock_guard lock(floor.mutex);
    read_all(floor);
  }
  const std::string& response = mg_get_header(connection, "Accept-Encoding") ? floor.gzip : floor.plain;
  mg_write(connection, response.data(), response.size());  // once: mg_response_header_send() would send each header by itself
  return 200;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: floor PORT BODY GZIP_BODY FILE...\n");
    return 2;
  }
  Floor floor;
  floor.plain = response(contents(argv[2]), "");
  floor.gzip = response(contents(argv[3]), "Content-Encoding: gzip\r\n");
  for (int i = 4; i < argc; ++i) {
    const int fd = ::open(argv[i], O_RDONLY | O_CLOEXEC);
    if (fd >= 0) floor.files.push_back({fd});
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
