// The head of an HTTP request as the front reads it, and the one form in which it hands it on. Strict, so that the front and the server
// behind it cannot disagree on where a request ends: lines end in CRLF, no line is folded, a request with a body is refused. RFC 9112.
#pragma once

#include <cstddef>
#include <string_view>

namespace fencewatch {

struct RequestHead {
  static constexpr size_t kMost = 8192;  // bytes
  static constexpr int kMostHeaders = 64;

  enum class Method { get, head, other };
  Method method = Method::other;
  std::string_view path, query;  // query: with its '?', or empty
  bool keep_alive = false;
  bool has_authorization = false;
  std::string_view authorization, accept, accept_encoding, accept_language, scrape_timeout;  // empty when absent
};

// What is at the start of `bytes`: `size` > 0, a head of that many bytes; 0, not all of it yet; or `refused`, the status of the answer.
struct ParsedHead {
  size_t size = 0;
  int refused = 0;
};
ParsedHead parse_request_head(std::string_view bytes, RequestHead& head);

// The request for the server behind: GET or HEAD, the path, what negotiates, nothing else. 0 when it does not fit.
size_t write_request(const RequestHead& head, std::string_view path, std::string_view query, char* out, size_t room);

}  // namespace fencewatch
