// Addresses to listen on: "127.0.0.1:19664", ":19664", "[::1]:19664"; port 0 for a free one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fencewatch::listen {

// As civetweb takes it, always address:port, so that nothing of its own grammar (ports ending in s for TLS, + for IPv6) can be asked
// for. Throws std::runtime_error with one line that names `address`.
std::string civetweb_port(const std::string& address);

// Every address is one of IPv4, or empty.
bool all_ipv4(const std::vector<std::string>& addresses);

// Listens, without blocking: "[::1]:19664" as well, and ":19664" or "[::]:19664" for every address of both kinds (of IPv4 where the kernel
// knows no other). Throws as civetweb_port() does.
std::vector<int> open(const std::vector<std::string>& addresses);

// Leaves connections that say nothing in the kernel, where they cost next to nothing. Does nothing to a socket that is not of TCP.
void defer(int fd);

std::string address(int fd);  // of a listening socket, as above; the path of a Unix socket

[[noreturn]] void refuse(std::string_view address, std::string_view reason);
std::string reason(int error);  // errno in words, as part of a sentence

// The descriptors of this process that listen on one of `ports`.
std::vector<int> descriptors(const std::vector<int>& ports);

}  // namespace fencewatch::listen
