#include "exporter/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "exporter/scan.h"

namespace fencewatch::listen {

void refuse(std::string_view address, std::string_view reason) {
  throw std::runtime_error("cannot listen on " + std::string(address) + ": " + std::string(reason));
}

std::string reason(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + ('a' - 'A'));
  return text;
}

std::string civetweb_port(const std::string& address) {
  const size_t colon = address.rfind(':');
  uint16_t port = 0;
  if (colon == address.npos || !scan::number(std::string_view(address).substr(colon + 1), port))
    refuse(address, "expected [address]:port with a port from 0 to 65535");
  const std::string host = address.substr(0, colon);
  if (host.find_first_of(":[]") != host.npos) refuse(address, "IPv6 is not supported");

  char text[INET_ADDRSTRLEN] = "0.0.0.0";
  if (!host.empty()) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found)) refuse(address, gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr, text, sizeof text);
  }
  return std::string(text) + ":" + std::to_string(port);
}

std::vector<int> descriptors(const std::vector<int>& ports) {
  std::vector<int> found;
  for (int fd = 0; fd < 1024; ++fd) {
    int listening = 0;
    socklen_t length = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || !listening) continue;
    sockaddr_in own{};
    length = sizeof own;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0 || own.sin_family != AF_INET) continue;
    if (std::find(ports.begin(), ports.end(), ntohs(own.sin_port)) != ports.end()) found.push_back(fd);
  }
  return found;
}

}  // namespace fencewatch::listen
