#include "exporter/web/civetweb.h"

#include "exporter/web/connections.h"

namespace fencewatch::civetweb {

mg_context* start(const mg_callbacks& callbacks, void* user, const std::vector<std::string>& addresses, std::vector<int>& ports) {
  std::string list;
  for (const std::string& address : addresses) list += (list.empty() ? "" : ",") + address;
  const std::string workers = std::to_string(Connections::kWorkers);
  const char* options[] = {"listening_ports",
                           list.c_str(),
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
                           "64",
                           "listen_backlog",
                           "4096",
                           "decode_url",
                           "no",
                           "enable_auth_domain_check",
                           "no",
                           nullptr};
  mg_init_library(0);
  mg_context* context = mg_start(&callbacks, user, options);
  if (!context) return nullptr;
  std::vector<mg_server_port> found(addresses.size());
  const int n = mg_get_server_ports(context, static_cast<int>(found.size()), found.data());
  for (int i = 0; i < n; ++i) ports.push_back(found[static_cast<size_t>(i)].port);
  return context;
}

void stop(mg_context* context) {
  mg_stop(context);
  mg_exit_library();
}

}  // namespace fencewatch::civetweb
