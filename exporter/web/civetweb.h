// civetweb as we run it, behind the Door alone: a fixed number of workers, small requests, no file of its own.
#pragma once

#include <civetweb.h>

namespace fencewatch::civetweb {

inline constexpr int kWorkers = 12;  // each has a stack of 100 KiB, of which 28 were used at most; locked it counts whole

// Listens on a free port of 127.0.0.1. nullptr: civetweb has told why to callbacks.log_message.
mg_context* start(const mg_callbacks& callbacks, void* user, int& port);
void stop(mg_context* context);  // waits for the requests at work

}  // namespace fencewatch::civetweb
