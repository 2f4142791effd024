// civetweb as we run it: a fixed number of workers, small requests, no file of its own.
#pragma once

#include <civetweb.h>

#include <string>
#include <vector>

namespace fencewatch::civetweb {

// Listens on `addresses`, each "a.b.c.d:port". nullptr: civetweb has told why to callbacks.log_message. `ports` are those it got.
mg_context* start(const mg_callbacks& callbacks, void* user, const std::vector<std::string>& addresses, std::vector<int>& ports);
void stop(mg_context* context);  // waits for the requests at work

}  // namespace fencewatch::civetweb
