// HTTP through civetweb: the telemetry path, /, /-/healthy, /-/ready; GET and HEAD; exact paths.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "exporter/page.h"

namespace fencewatch {

struct Config;
class Runner;

class Server {
 public:
  // Listens. Throws std::runtime_error with one line that names the address when it cannot.
  // `runner` and `config` must outlive the server.
  Server(const Config& config, Runner& runner);
  ~Server();  // close(), then waits for the requests at work: one whose thread is stuck in a collector would be waited for in vain
  Server(const Server&) = delete;

  void close();      // nothing new is answered; what is at work goes on
  int port() const;  // the first address's, for --web.listen-address=127.0.0.1:0
  void warm_up();    // one scrape through our own code in both formats, so that nothing is first at the first real one

  static std::span<const Family> families();  // http_*

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fencewatch
