#include "exporter/web/heartbeat.h"

#include <chrono>

#include "exporter/base/systemd.h"
#include "exporter/collect/runner.h"
#include "exporter/web/server.h"

namespace fencewatch {

int wait_for_end(const sigset_t& ends, Runner& runner, Server& server) {
  const std::chrono::nanoseconds within = systemd::watchdog();
  int signal = 0;
  if (within.count() == 0) return sigwait(&ends, &signal), signal;
  const timespec half{.tv_sec = within.count() / 2 / 1'000'000'000, .tv_nsec = within.count() / 2 % 1'000'000'000};
  Bytes page;
  while ((signal = sigtimedwait(&ends, nullptr, &half)) <= 0) {
    page.clear();
    runner.scrape(runner.all(), Format::text, Runner::Clock::now() + within / 4, page);
    if (server.alive()) systemd::notify("WATCHDOG=1");
  }
  return signal;
}

}  // namespace fencewatch
