// HTTP: the telemetry path, / and /api/v1/status (the node diagnosed), /-/healthy, /-/ready; GET and HEAD; exact paths. civetweb serves on
// a port of loopback that the kernel opens to the Door alone, before which everybody comes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exporter/exposition/page.h"

namespace fencewatch {

struct Settings;
class Runner;
class StatusSource;

class Server {
 public:
  // Listens. Throws std::runtime_error with one line that names the address when it cannot.
  // All of them must outlive the server.
  Server(const Settings& settings, Runner& runner, const StatusSource& status);
  ~Server();  // close(), then waits for the requests at work: one whose thread is stuck in a collector would be waited for in vain
  Server(const Server&) = delete;

  void close();  // nothing new is answered; what is at work goes on
  // As they came to be: with the port, where 0 was asked for.
  const std::vector<std::string>& addresses() const;
  bool encrypted() const;
  bool alive();     // the Door's thread has turned round since the last call
  void rehearse();  // a handshake, after memory::lock(), which would forget it
  void warm_up();   // one scrape through our own code in both formats, so that nothing is first at the first real one

  static std::span<const Family> families();  // http_*

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fencewatch
