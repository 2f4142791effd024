// flags → Settings → Node → Runner → Server; no logic of its own.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

#include "exporter/base/log.h"
#include "exporter/base/systemd.h"
#include "exporter/collect/describe.h"
#include "exporter/collect/runner.h"
#include "exporter/config/config.h"
#include "exporter/config/doubtful_paths.h"
#include "exporter/diagnose/command.h"
#include "exporter/diagnose/live_status.h"
#include "exporter/logs/open_logs.h"
#include "exporter/memory/locking.h"
#include "exporter/memory/realtime.h"
#include "exporter/node/disk_thread.h"
#include "exporter/node/node.h"
#include "exporter/node/resolve.h"
#include "exporter/web/door.h"
#include "exporter/web/heartbeat.h"
#include "exporter/web/server.h"
#include "exporter/web/web_source.h"

namespace fencewatch {
namespace {

using Mode = Settings::Mode;

constexpr std::chrono::seconds kOnce{30};  // far above every deadline: --once gives up only on what the Runner gave up on

bool print(std::string_view text, FILE* to) { return std::fwrite(text.data(), 1, text.size(), to) == text.size() && std::fflush(to) == 0; }

// Ends without the destructors when a thread is stuck in the kernel: nothing can wait for it.
int leave(Runner& runner, DiskThread& disk, LogReader* logs, int code) {
  const bool read = !logs || logs->stop();  // first: it calls the collectors
  const bool collected = runner.stop();
  const bool clean = disk.stop() && collected && read;
  log::stop();
  if (!clean) std::_Exit(code);
  return code;
}

int once(Runner& runner, DiskThread& disk, LogReader* logs) {
  if (logs) logs->read_all();
  runner.start();
  Bytes out;
  const bool good = runner.scrape(runner.all(), Format::text, Runner::Clock::now() + kOnce, out);
  const bool printed = print(out, stdout);
  if (!printed) log::error("cannot write to stdout");
  return leave(runner, disk, logs, good && printed ? 0 : 1);
}

sigset_t block_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // inherited by all threads; only sigwait takes them
  return ends;
}

// Of these the start needs more than the work that follows, or next to nothing is needed at all.
constexpr std::string_view kHardlyUsed[] = {"/libm.so", "/libyaml-cpp.so", "/liblzma.so", "/libcrypto.so", "/libssl.so", "/libcrypt.so"};

void lock_memory() {
  const int error = memory::lock(kHardlyUsed);
  if (error == 0) return;
  const char* reason = strerrordesc_np(error);
  log::warn(
      "memory is not locked: under memory pressure the exporter may be slow to answer; it needs CAP_IPC_LOCK or LimitMEMLOCK=infinity",
      {{"reason", reason != nullptr ? reason : "unknown error"}});
}

void tell_realtime(const Settings& settings) {
  const int error = realtime::refusal();
  if (!settings.realtime || error == 0) return;
  const char* reason = strerrordesc_np(error);
  log::warn(
      realtime::group_has_no_time()
          ? "not real-time: the cpu control group of this service has no real-time budget (cpu.rt_runtime_us is 0); remove CPUAccounting=, "
            "CPUShares= and CPUQuota= from the unit and its slice, or give the group a budget"
          : "not real-time: in a shortage of memory the exporter may hang with the rest; it needs CAP_SYS_NICE or LimitRTPRIO=1",
      {{"reason", reason != nullptr ? reason : "unknown error"}});
}

int serve(const Settings& settings, Runner& runner, DiskThread& disk, LogReader* logs, const LiveStatus& status, const sigset_t& ends) {
  Server server(settings, runner, status);  // first: when it cannot listen, no thread of the runner has to be waited for
  disk.start();
  runner.start();
  if (logs) logs->start();
  server.warm_up();
  lock_memory();
  tell_realtime(settings);
  server.rehearse();
  for (const std::string& address : server.addresses())
    log::info("listening", {{"address", address}, {"path", settings.telemetry_path}, {"tls", server.encrypted() ? "yes" : "no"}});
  realtime::enter();  // it beats for the watchdog
  systemd::notify("READY=1");
  const int signal = wait_for_end(ends, runner, server);
  systemd::notify("STOPPING=1");
  log::info("stopping", {{"signal", sigabbrev_np(signal)}});
  server.close();
  return leave(runner, disk, logs, 0);
}

std::string_view path_of(std::string_view flag, const NodePaths& paths) {
  return flag == "--path.procfs" ? paths.procfs : flag == "--path.sysfs" ? paths.sysfs : paths.rootfs;
}

int run(const Settings& settings) {
  sigset_t ends{};
  if (settings.mode == Mode::serve) {
    ends = block_signals();
    memory::prepare();
    if (settings.realtime) realtime::prepare();
  }
  Status opened;
  const std::unique_ptr<Node> node = open_node(settings.paths, opened);
  DiskThread disk(*node);
  Runner runner(all_collectors(), settings, disk);
  if (settings.mode == Mode::check) {
    open_logs(settings, runner);
    if (!settings.web_config_file.empty()) WebSource(settings.web_config_file, settings.health_open);
    for (const std::string& doubt : doubtful_paths(settings)) print("fencewatch: " + doubt + "\n", stderr);
    return print("configuration is valid\n", stdout) ? 0 : 1;
  }
  log::start(settings.log_level, settings.log_format);
  // Without sysfs a tree is still worth reading, and one that is read once without a proc of its own: logs alone are enough. A mistyped
  // path would leave nothing to read.
  if (!opened) {
    const bool logs_alone =
        settings.mode == Mode::once && opened.file == "--path.procfs" && below_root(settings.paths.rootfs, settings.paths.procfs);
    const bool usable = (opened.file == "--path.sysfs" || logs_alone) && opened.code == Code::missing;
    (usable ? log::warn : log::error)("cannot open the root",
                                      {{"flag", opened.file}, {"path", path_of(opened.file, settings.paths)}, {"reason", opened.text}});
    if (!usable) return log::stop(), 1;
  }
  if (settings.mode == Mode::once) return once(runner, disk, open_logs(settings, runner).get());
  LiveStatus status(settings, runner, disk, all_rules());
  const std::unique_ptr<LogReader> logs = open_logs(settings, runner, [&status](Collector& c) -> Collector& { return status.listen(c); });
  return serve(settings, runner, disk, logs.get(), status, ends);
}

}  // namespace
}  // namespace fencewatch

int main(int argc, char** argv) {
  using namespace fencewatch;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of write(2), as a full disk is
  try {
    if (argc > 1 && std::string_view(argv[1]) == "diagnose") {
      log::start("error", "logfmt");  // what could not be read is in the report
      const Printed printed = diagnose_command(argc - 1, argv + 1, all_collectors(), all_rules());
      log::stop();
      return print(printed.error, stderr) && print(printed.out, stdout) ? printed.exit : 1;
    }
    const Parsed parsed = parse_arguments(argc, argv, all_collectors());
    if (parsed.exit >= 0) return print(parsed.message, parsed.exit == 0 ? stdout : stderr) ? parsed.exit : 1;
    if (parsed.settings.mode == Mode::describe) {
      const std::span<const Family> own[] = {Runner::families(), LogReader::families(), Server::families(), Door::families()};
      return print(describe(all_collectors(), own), stdout) ? 0 : 1;
    }
    return run(parsed.settings);
  } catch (const std::exception& e) {
    log::stop();
    print("fencewatch: " + std::string(e.what()) + "\n", stderr);
    return 1;
  }
}
