#include "exporter/web/civetweb.h"

#include <string>

namespace fencewatch::civetweb {

mg_context* start(const mg_callbacks& callbacks, void* user, int& port) {
  const std::string workers = std::to_string(kWorkers);
  const char* options[] = {"listening_ports",
                           "127.0.0.1:0",
                           "num_threads",
                           workers.c_str(),
                           "enable_keep_alive",
                           "yes",
                           "keep_alive_timeout_ms",
                           "75000",
                           "request_timeout_ms",
                           "3000",
                           "tcp_nodelay",
                           "1",
                           "max_request_size",
                           "8192",
                           "connection_queue",
                           "16",
                           "listen_backlog",
                           "64",
                           "decode_url",
                           "no",
                           "enable_auth_domain_check",
                           "no",
                           nullptr};
  mg_init_library(0);
  mg_context* context = mg_start(&callbacks, user, options);
  if (!context) return nullptr;
  mg_server_port own{};
  if (mg_get_server_ports(context, 1, &own) == 1) port = own.port;
  return context;
}

void stop(mg_context* context) {
  mg_stop(context);
  mg_exit_library();
}

}  // namespace fencewatch::civetweb
