// --web.config.file and the files that it names, read again when one of them has changed.
#pragma once

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "exporter/web/tls.h"
#include "exporter/web/web_config.h"

namespace fencewatch {

// What is in force for a connection or a request. Never changes.
struct WebSetup {
  WebConfig config;
  std::shared_ptr<const Tls> tls;  // null: none
};

// A thread of its own looks at the files once a second, so that a disk that does not answer delays nobody. What is refused is logged, and
// what was in force stays: also when a reload would switch TLS on or off, or passwords or client certificates off.
class WebSource {
 public:
  // Reads. Throws Refused. An empty path: nothing is configured, and nothing is looked at. `health_open`: see Tls.
  WebSource(std::string path, bool health_open);
  ~WebSource();
  WebSource(const WebSource&) = delete;

  void start();  // the thread

  std::shared_ptr<const WebSetup> now() const;  // any thread
  bool configured() const { return !path_.empty(); }
  bool last_reload_successful() const { return good_; }

 private:
  // Of one file: what differs when it is another one or was written.
  struct Stamp {
    std::array<uint64_t, 6> value{};
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp(const std::string& file);
  std::vector<Stamp> stamps() const;
  std::shared_ptr<const WebSetup> read();
  void watch() noexcept;
  void look();
  void refuse_weaker(const WebSetup& before, const WebSetup& after) const;

  const std::string path_;
  const bool health_open_;
  std::vector<std::string> files_;  // for the thread alone, as the next two
  std::vector<Stamp> stamps_;
  std::string complaint_;

  mutable std::mutex mutex_;
  std::shared_ptr<const WebSetup> now_;
  std::atomic<bool> good_ = true;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fencewatch
