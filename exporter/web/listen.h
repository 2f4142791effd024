// Addresses to listen on: "127.0.0.1:19664", ":19664", "[::1]:19664"; port 0 for a free one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fencewatch::listen {

// Listens, without blocking: "[::1]:19664" as well, and ":19664" or "[::]:19664" for every address of both kinds (of IPv4 where the kernel
// knows no other). A name such as "localhost:19664" stands for its first address, of IPv4 if it has one. Throws std::runtime_error with one
// line that names the address.
std::vector<int> open(const std::vector<std::string>& addresses);

// Leaves connections that say nothing in the kernel, where they cost next to nothing. Does nothing to a socket that is not of TCP.
void defer(int fd);

std::string address(int fd);  // of a listening socket, as above; the path of a Unix socket

[[noreturn]] void refuse(std::string_view address, std::string_view reason);
std::string reason(int error);  // errno in words, as part of a sentence

// The descriptor of this process that listens on 127.0.0.1:`port`; -1: there is none.
int on_loopback(int port);

}  // namespace fencewatch::listen
