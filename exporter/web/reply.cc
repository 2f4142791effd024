#include "exporter/web/reply.h"

#include <civetweb.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstdio>
#include <cstring>
#include <ctime>

namespace fencewatch::reply {
namespace {

std::string_view text_of(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Bad Request";
  }
}

}  // namespace

std::unique_ptr<Response> Responses::borrow() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Response>();
  auto response = std::move(idle_.back());
  idle_.pop_back();
  return response;
}

void Responses::give_back(std::unique_ptr<Response> response) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(response));
}

std::string_view header(const mg_connection* conn, const char* name) {
  const char* value = mg_get_header(conn, name);
  return value ? std::string_view(value) : std::string_view();
}

void send(mg_connection* conn, const Answer& answer, bool keep, bool head_only) {
  char date[40];
  const time_t now = time(nullptr);
  tm utc{};
  gmtime_r(&now, &utc);
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  const size_t length = answer.wire->size() - kHead;
  char head[kHead];
  const int n = snprintf(head, sizeof head,
                         "HTTP/1.1 %d %.*s\r\nDate: %s\r\nContent-Type: %.*s\r\n%.*sX-Content-Type-Options: nosniff\r\n"
                         "Content-Length: %zu\r\nConnection: %s\r\n\r\n",
                         answer.code, static_cast<int>(text_of(answer.code).size()), text_of(answer.code).data(), date,
                         static_cast<int>(answer.type.size()), answer.type.data(), static_cast<int>(answer.more.size()), answer.more.data(),
                         length, keep ? "keep-alive" : "close");
  const size_t used = static_cast<size_t>(n);
  char* const begin = answer.wire->data() + kHead - used;
  std::memcpy(begin, head, used);
  if (!keep) mg_disable_connection_keep_alive(conn);
  mg_write(conn, begin, head_only ? used : used + length);
}

std::string style_policy(std::string_view style) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(style.data()), style.size(), hash);
  unsigned char text[4 * (sizeof hash + 2) / 3 + 1];
  const int size = EVP_EncodeBlock(text, hash, sizeof hash);
  return "Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" +
         std::string(reinterpret_cast<const char*>(text), static_cast<size_t>(size)) + "'\r\n";
}

}  // namespace fencewatch::reply
