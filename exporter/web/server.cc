#include "exporter/web/server.h"

#include <civetweb.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

#include "exporter/base/gzip.h"
#include "exporter/base/log.h"
#include "exporter/base/settings.h"
#include "exporter/base/systemd.h"
#include "exporter/collect/runner.h"
#include "exporter/memory/realtime.h"
#include "exporter/web/choose.h"
#include "exporter/web/civetweb.h"
#include "exporter/web/door.h"
#include "exporter/web/http_metrics.h"
#include "exporter/web/listen.h"
#include "exporter/web/negotiate.h"
#include "exporter/web/reply.h"
#include "exporter/web/status_source.h"
#include "exporter/web/web_source.h"

namespace fencewatch {
namespace {

using reply::Answer;
using reply::header;
using reply::kHead;
using reply::Response;
using Clock = Runner::Clock;

constexpr std::string_view kExposition = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr size_t kWorthPacking = 1024;

}  // namespace

struct Server::Impl {
  Impl(const Settings& c, Runner& r, const StatusSource& s)
      : settings(c), runner(r), status(s), policy(reply::style_policy(s.style())), responses(civetweb::kWorkers) {}

  void listen();
  void start_civetweb();
  void close();
  void close_civetweb();
  void stop();

  // What a scrape asks for. On the stack of its thread.
  struct Scrape {
    Scrape(Impl& i, Clock::time_point b) : impl(i), begin(b) {}
    ~Scrape() {
      if (entered) impl.scraping.fetch_sub(1);
    }
    Scrape(const Scrape&) = delete;
    bool enter();  // false: there are too many

    Impl& impl;
    const Clock::time_point begin;
    Runner::Mask mask = impl.runner.all();
    Format format = Format::text;
    bool gzip = false;
    Clock::time_point give_up;
    bool entered = false;
  };

  void handle(mg_connection* conn, const mg_request_info& request, Clock::time_point begin, Response& response, Answer& answer);
  void scrape(mg_connection* conn, const mg_request_info& request, Clock::time_point begin, Response& response, Answer& answer);
  void expose(const Scrape& scrape, Response& response, Answer& answer);
  void finish(mg_connection* conn, Answer& answer, bool keep, bool head_only, Clock::time_point begin);
  void say(Response& response, Answer& answer, int code, std::string_view text);

  static Impl& of(const mg_connection* conn) { return *static_cast<Impl*>(mg_get_user_data(mg_get_context(conn))); }
  bool stranger(const mg_connection* conn) const;
  static int on_request(mg_connection* conn);
  static int on_error(mg_connection* conn, int status, const char* message);
  static int on_log(const mg_connection* conn, const char* message);

  const Settings& settings;
  Runner& runner;
  const StatusSource& status;
  const std::string policy;  // header line
  HttpMetrics metrics;
  std::atomic<int> scraping{0};
  std::atomic<mg_context*> context = nullptr;
  int port = 0;  // of civetweb
  std::vector<std::string> addresses;
  std::string refusal;  // the first that civetweb said; read only when mg_start failed

  reply::Responses responses;
  Gzip packer;
  std::atomic<bool> closed = false;

  std::optional<WebSource> web;
  std::unique_ptr<Door> door;
  uint64_t pongs = ~uint64_t{0};
  std::atomic<Door*> ready_door = nullptr;  // the same, for requests that come before it is there
};

void Server::Impl::say(Response& response, Answer& answer, int code, std::string_view text) {
  answer.code = code;
  answer.wire = &response.plain;
  response.plain.resize(kHead);
  response.plain.append(text);
}

void Server::Impl::expose(const Scrape& scrape, Response& response, Answer& answer) {
  Bytes& plain = response.plain;
  plain.resize(kHead);
  runner.scrape(scrape.mask, scrape.format, scrape.give_up, plain);
  Page::finish(scrape.format, plain);
  answer.code = 200;
  answer.type = scrape.format == Format::openmetrics ? kOpenMetrics : kExposition;
  answer.more = "Vary: Accept, Accept-Encoding\r\n";
  answer.wire = &plain;
  if (!scrape.gzip || plain.size() - kHead < kWorthPacking) return;
  response.packed.resize(kHead);
  if (!packer.append(plain.view().substr(kHead), response.packed)) return;
  answer.more = "Vary: Accept, Accept-Encoding\r\nContent-Encoding: gzip\r\n";
  answer.wire = &response.packed;
}

bool Server::Impl::Scrape::enter() {
  entered = true;
  const int before = impl.scraping.fetch_add(1);
  return impl.settings.max_requests == 0 || before < impl.settings.max_requests;
}

void Server::Impl::scrape(mg_connection* conn, const mg_request_info& request, Clock::time_point begin, Response& response,
                          Answer& answer) {
  Scrape asked(*this, begin);
  asked.give_up = begin + negotiate::scrape_budget(header(conn, "X-Prometheus-Scrape-Timeout-Seconds"));
  if (request.query_string) {
    std::string fault;
    if (!choose(request.query_string, runner, asked.mask, fault)) return say(response, answer, 400, fault);
  }
  if (!asked.enter())
    return say(response, answer, 503, "too many scrapes at once: --web.max-requests=" + std::to_string(settings.max_requests) + "\n");
  asked.format = negotiate::format(header(conn, "Accept"));
  asked.gzip = negotiate::gzip(header(conn, "Accept-Encoding"));
  expose(asked, response, answer);
}

void Server::Impl::handle(mg_connection* conn, const mg_request_info& request, Clock::time_point begin, Response& response,
                          Answer& answer) {
  const std::string_view path = request.local_uri_raw;
  const std::string_view method = request.request_method;
  const bool metrics_path = path == settings.telemetry_path;
  if (!metrics_path && path != "/" && path != "/api/v1/status" && path != "/-/healthy" && path != "/-/ready")
    return say(response, answer, 404, "not found\n");
  if (method != "GET" && method != "HEAD") {
    answer.more = "Allow: GET, HEAD\r\n";
    return say(response, answer, 405, "only GET and HEAD are allowed\n");
  }
  if (metrics_path) return scrape(conn, request, begin, response, answer);
  if (path == "/-/healthy") return say(response, answer, 200, "fencewatch is healthy.\n");
  if (path == "/-/ready" && runner.ready()) return say(response, answer, 200, "fencewatch is ready.\n");
  if (path == "/-/ready") return say(response, answer, 503, "fencewatch is not ready: no collection has ended yet.\n");
  if (path == "/api/v1/status") {
    answer.type = "application/json";
    return say(response, answer, 200, status.json());
  }
  answer.type = "text/html; charset=utf-8";
  answer.more = policy;
  const std::string_view query = request.query_string != nullptr ? request.query_string : "";
  return say(response, answer, 200, status.page(negotiate::chinese(query, header(conn, "Accept-Language"))));
}

void Server::Impl::finish(mg_connection* conn, Answer& answer, bool keep, bool head_only, Clock::time_point begin) {
  reply::send(conn, answer, keep, head_only);
  metrics.count(answer.code, Clock::now() - begin);
}

// The Door alone is answered. Others can have come only before its LoopbackFilter was closed, or where the kernel has none.
bool Server::Impl::stranger(const mg_connection* conn) const {
  const Door* const known = ready_door;
  const mg_request_info& from = *mg_get_request_info(conn);
  return !(known && from.remote_addr == std::string_view("127.0.0.1") && known->knows(from.remote_port));
}

// All requests that civetweb could read come here, before it looks for handlers or files of its own.
int Server::Impl::on_request(mg_connection* conn) {
  Impl& self = of(conn);
  const auto begin = Clock::now();
  const mg_request_info& request = *mg_get_request_info(conn);
  if (self.stranger(conn)) return mg_disable_connection_keep_alive(conn), 200;
  try {
    auto response = self.responses.borrow();
    Answer answer;
    self.handle(conn, request, begin, *response, answer);
    self.finish(conn, answer, true, std::string_view(request.request_method) == "HEAD", begin);
    self.responses.give_back(std::move(response));
  } catch (const std::exception& fault) {  // memory
    log::error("request not answered", {{"reason", fault.what()}});
    mg_disable_connection_keep_alive(conn);
    self.metrics.count(503, Clock::now() - begin);
  }
  return 200;
}

// Requests that civetweb could not read are a stranger's: the Door writes them in one form.
int Server::Impl::on_error(mg_connection* conn, int, const char*) {
  mg_disable_connection_keep_alive(conn);
  return 0;
}

int Server::Impl::on_log(const mg_connection* conn, const char* message) {
  log::debug("civetweb", {{"message", message}});
  Impl& self = of(conn);
  if (!self.context && self.refusal.empty()) self.refusal = message;
  return 1;
}

void Server::Impl::start_civetweb() {
  mg_callbacks callbacks{};
  callbacks.begin_request = on_request;
  callbacks.http_error = on_error;
  callbacks.init_thread = [](const mg_context*, int) -> void* {
    realtime::enter();
    return nullptr;
  };
  callbacks.log_message = on_log;  // and no log_access: civetweb would format a line for it with localtime(3), which races
  context = civetweb::start(callbacks, this, port);
}

// Outside first: what cannot be had there is the operator's to know.
void Server::Impl::listen() {
  web.emplace(settings.web_config_file, settings.health_open);
  std::vector<int> outside = settings.systemd_socket ? systemd::listeners() : listen::open(settings.listen_addresses);
  for (const int fd : outside) {
    listen::defer(fd);
    addresses.push_back(listen::address(fd));
  }
  start_civetweb();
  if (!context) listen::refuse("127.0.0.1:0", refusal);
  const int inside = listen::on_loopback(port);
  if (inside < 0) listen::refuse("127.0.0.1:0", "the socket is not found");
  door = std::make_unique<Door>(std::move(outside), Door::Inner{inside, port}, *web, settings.health_open, metrics);
  ready_door = door.get();
  web->start();
  runner.also([this](Page& page) {
    door->write(page);
    if (settings.exporter_metrics) metrics.write(page);
  });
}

// civetweb notices within two seconds that it shall stop, or at once when its sockets move.
void Server::Impl::close() {
  if (!closed.exchange(true) && door) door->close();
}

void Server::Impl::close_civetweb() {
  if (const int fd = port ? listen::on_loopback(port) : -1; fd >= 0) shutdown(fd, SHUT_RDWR);
}

void Server::Impl::stop() {
  close();
  if (door) door->stop();
  close_civetweb();
  civetweb::stop(context);
}

Server::Server(const Settings& settings, Runner& runner, const StatusSource& status)
    : impl_(std::make_unique<Impl>(settings, runner, status)) {
  try {
    impl_->listen();
  } catch (...) {
    impl_->stop();  // what has begun already
    throw;
  }
}

Server::~Server() { impl_->stop(); }

const std::vector<std::string>& Server::addresses() const { return impl_->addresses; }

bool Server::encrypted() const { return impl_->web->now()->tls != nullptr; }

bool Server::alive() {
  const uint64_t before = std::exchange(impl_->pongs, impl_->door->pongs());
  impl_->door->ping();
  return before != impl_->pongs;
}

void Server::close() { impl_->close(); }

void Server::rehearse() {
  if (const auto setup = impl_->web->now(); setup->tls) setup->tls->rehearse();
}

void Server::warm_up() {
  std::vector<std::unique_ptr<Response>> responses(2);
  for (auto& response : responses) response = impl_->responses.borrow();
  for (auto& response : responses) {
    for (const Format format : {Format::text, Format::openmetrics}) {
      Answer answer;
      Impl::Scrape all(*impl_, Clock::now());
      all.format = format;
      all.gzip = true;
      all.give_up = all.begin + std::chrono::seconds(5);
      impl_->expose(all, *response, answer);
    }
    impl_->responses.give_back(std::move(response));
  }
}

std::span<const Family> Server::families() { return HttpMetrics::families(); }

}  // namespace fencewatch
