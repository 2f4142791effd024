// One HTTP answer: a buffer that keeps its capacity, the status, and the single write of header and body.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/node/node.h"

struct mg_connection;
struct mg_request_info;

namespace fencewatch::reply {

inline constexpr std::string_view kText = "text/plain; charset=utf-8";
inline constexpr size_t kHead = 512;  // room for the header lines, before every body

struct Response {
  Bytes plain, packed;
};

// Buffers that were used and are warm. Safe from any number of threads.
class Responses {
 public:
  explicit Responses(size_t most) { idle_.reserve(most); }
  std::unique_ptr<Response> borrow();
  void give_back(std::unique_ptr<Response> response);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Response>> idle_;
};

struct Answer {
  int code = 200;
  std::string_view type = kText;
  std::string_view more;  // header lines
  Bytes* wire = nullptr;  // kHead bytes, then the body
};

// The value of a request header; empty when it is absent.
std::string_view header(const mg_connection* conn, const char* name);

// "Content-Security-Policy: …" and its newline: nothing but this style, which stands in the page.
std::string style_policy(std::string_view style);

// One write for header and body.
void send(mg_connection* conn, const Answer& answer, bool keep, bool head_only);

}  // namespace fencewatch::reply
