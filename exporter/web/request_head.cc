#include "exporter/web/request_head.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "exporter/base/scan.h"
#include "exporter/base/text.h"

namespace fencewatch {
namespace {

constexpr int kBad = 400, kTooLarge = 413, kTooLong = 431, kVersion = 505;

bool is_token(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalnum(u) || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_token(c); });
}

bool lists(std::string_view value, std::string_view word) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    if (text::same_but_case(text::trim(value.substr(0, comma)), word)) return true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return false;
}

// Cuts off the next line, which ends in CRLF and holds no other CR or LF.
bool next_line(std::string_view& rest, std::string_view& line) {
  if (!scan::next_line(rest, line) || !line.ends_with('\r')) return false;
  line.remove_suffix(1);
  return line.find('\r') == line.npos;
}

// Of the absolute form, which a proxy would get, what is behind the authority. RFC 9112 3.2.2.
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const size_t slash = target.find('/', scheme.size());
    return slash == target.npos ? std::string_view() : target.substr(slash);
  }
  return target;
}

int request_line(std::string_view line, RequestHead& head, bool& http11) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last || !is_token(line.substr(0, first))) return kBad;
  const std::string_view method = line.substr(0, first), version = line.substr(last + 1);
  const std::string_view target = origin_form(line.substr(first + 1, last - first - 1));
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' || !std::isdigit(static_cast<unsigned char>(version[5])) ||
      !std::isdigit(static_cast<unsigned char>(version[7])))
    return kBad;
  if (version[5] != '1') return kVersion;
  http11 = version[7] != '0';
  head.method = method == "GET" ? RequestHead::Method::get : method == "HEAD" ? RequestHead::Method::head : RequestHead::Method::other;
  const auto bad = [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; };
  if (!target.starts_with('/') || std::any_of(target.begin(), target.end(), bad)) {
    return head.method == RequestHead::Method::other && target == "*" ? 0 : kBad;
  }
  const size_t question = std::min(target.find('?'), target.size());
  head.path = target.substr(0, question);
  head.query = target.substr(question);
  return 0;
}

struct Seen {
  bool host = false, length = false, close = false, keep_alive = false;
};

int header(std::string_view name, std::string_view value, RequestHead& head, Seen& seen) {
  const auto once = [](bool& before) { return std::exchange(before, true) ? kBad : 0; };
  if (text::same_but_case(name, "host")) return once(seen.host);
  if (text::same_but_case(name, "transfer-encoding")) return kTooLarge;
  if (text::same_but_case(name, "content-length")) {
    if (value.empty() || value.find_first_not_of("0123456789") != value.npos || once(seen.length)) return kBad;
    return value.find_first_not_of('0') == value.npos ? 0 : kTooLarge;
  }
  if (text::same_but_case(name, "authorization")) {
    head.authorization = value;
    return once(head.has_authorization);
  }
  if (text::same_but_case(name, "connection")) {
    seen.close |= lists(value, "close");
    seen.keep_alive |= lists(value, "keep-alive");
  }
  if (text::same_but_case(name, "accept") && head.accept.empty()) head.accept = value;
  if (text::same_but_case(name, "accept-encoding") && head.accept_encoding.empty()) head.accept_encoding = value;
  if (text::same_but_case(name, "accept-language") && head.accept_language.empty()) head.accept_language = value;
  if (text::same_but_case(name, "x-prometheus-scrape-timeout-seconds") && head.scrape_timeout.empty()) head.scrape_timeout = value;
  return 0;
}

int read_head(std::string_view text, RequestHead& head) {
  std::string_view line;
  bool http11 = false;
  if (!next_line(text, line)) return kBad;
  if (const int refused = request_line(line, head, http11)) return refused;
  Seen seen;
  for (int headers = 0;; ++headers) {
    if (!next_line(text, line)) return kBad;
    if (line.empty()) break;
    if (headers == RequestHead::kMostHeaders) return kTooLong;
    const size_t colon = line.find(':');
    const auto control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f; };
    if (colon == line.npos || !is_token(line.substr(0, colon)) || std::any_of(line.begin(), line.end(), control)) return kBad;
    if (const int refused = header(line.substr(0, colon), text::trim(line.substr(colon + 1)), head, seen)) return refused;
  }
  if (http11 && !seen.host) return kBad;
  head.keep_alive = !seen.close && (http11 || seen.keep_alive);
  return 0;
}

}  // namespace

ParsedHead parse_request_head(std::string_view bytes, RequestHead& head) {
  head = {};
  if (!bytes.empty() && !is_token(bytes[0])) return {0, kBad};  // TLS on a port without, and the like
  bytes = bytes.substr(0, RequestHead::kMost);
  // An empty line in whatever wording ends it; read_head() takes one only.
  size_t end = bytes.find("\n\r\n");
  end = end == bytes.npos ? end : end + 3;
  const size_t bare = bytes.find("\n\n");
  if (bare != bytes.npos) end = std::min(end, bare + 2);
  if (end == bytes.npos) return {0, bytes.size() == RequestHead::kMost ? kTooLong : 0};
  const int refused = read_head(bytes.substr(0, end), head);
  return refused ? ParsedHead{0, refused} : ParsedHead{end, 0};
}

size_t write_request(const RequestHead& head, std::string_view path, std::string_view query, char* out, size_t room) {
  size_t size = 0;
  const auto add = [&](std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) {
      if (part.size() > room - size) return false;
      size += part.copy(out + size, part.size());
    }
    return true;
  };
  const auto line = [&](std::string_view name, std::string_view value) { return value.empty() || add({name, ": ", value, "\r\n"}); };
  const std::string_view method = head.method == RequestHead::Method::head ? "HEAD " : "GET ";
  const bool fits = add({method, path, query, " HTTP/1.1\r\nHost: front\r\n"}) && line("Accept", head.accept) &&
                    line("Accept-Encoding", head.accept_encoding) && line("Accept-Language", head.accept_language) &&
                    line("X-Prometheus-Scrape-Timeout-Seconds", head.scrape_timeout) && add({"\r\n"});
  return fits ? size : 0;
}

}  // namespace fencewatch
