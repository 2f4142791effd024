// Addresses to listen on: "127.0.0.1:19664", "localhost:19664", ":19664" for every IPv4 address, port 0 for a free one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fencewatch::listen {

// As civetweb takes it, always address:port, so that nothing of its own grammar (ports ending in s for TLS, + for IPv6) can be asked
// for. Throws std::runtime_error with one line that names `address`.
std::string civetweb_port(const std::string& address);

[[noreturn]] void refuse(std::string_view address, std::string_view reason);
std::string reason(int error);  // errno in words, as part of a sentence

// The descriptors of this process that listen on one of `ports`.
std::vector<int> descriptors(const std::vector<int>& ports);

}  // namespace fencewatch::listen
