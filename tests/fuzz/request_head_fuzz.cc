// libFuzzer: whatever comes in has an answer; what is handed on is one request, and reads the same a second time. Credentials too.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "exporter/web/request_head.h"
#include "exporter/web/users.h"

using namespace fencewatch;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void hand_on(const RequestHead& head) {
  char out[RequestHead::kMost + 128];
  const size_t size = write_request(head, head.path, head.query, out, sizeof out);
  require(size > 0);
  RequestHead again;
  const ParsedHead parsed = parse_request_head({out, size}, again);
  require(parsed.refused == 0 ? parsed.size == size : size > RequestHead::kMost);
  if (parsed.refused) return;
  require(again.method == head.method && again.path == head.path && again.query == head.query && again.accept == head.accept);
  require(!again.has_authorization && again.keep_alive);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  RequestHead head;
  const ParsedHead parsed = parse_request_head(text, head);
  require(parsed.size <= text.size() && (parsed.size == 0 || parsed.refused == 0));
  if (parsed.size == 0 && parsed.refused == 0) require(size < RequestHead::kMost);
  if (parsed.size > 0) {
    // It ends where it ends, whatever comes behind it, and not before.
    RequestHead other;
    require(parse_request_head(text.substr(0, parsed.size), other).size == parsed.size);
    require(parse_request_head(text.substr(0, parsed.size - 1), other).size == 0);
    if (head.method != RequestHead::Method::other) hand_on(head);
  }
  std::array<char, 1024> buffer;
  std::string_view name, password;
  if (basic_credentials(text, buffer, name, password))
    require(name.size() + password.size() < buffer.size() && name.find(':') == name.npos);
  return 0;
}
