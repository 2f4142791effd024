// A Node that reads a file once for all collectors of a scrape: /proc/vmstat, which two of them want, costs the kernel more than all that
// we do with it.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/node/node.h"

namespace fencewatch {

// Safe from any number of threads; none waits for the reading of another.
class ReadOnce final : public Node {
 public:
  explicit ReadOnce(const Node& node) : node_(node) {}

  // What was read before this call is not given out any more.
  void renew();

  Status read(std::string_view path, Bytes& out) const override;
  Status list(std::string_view dir, Names& out) const override { return node_.list(dir, out); }
  long page_size() const override { return node_.page_size(); }
  bool aside(std::string_view name, const std::function<void()>& work) const override { return node_.aside(name, work); }
  std::chrono::nanoseconds hanging() const override { return node_.hanging(); }

 private:
  struct File {
    std::string path;
    uint64_t round;       // of the last read
    bool shared = false;  // two have asked for it in one round: `bytes` are kept
    bool kept = false;
    Bytes bytes;
  };
  File* find(std::string_view path) const;

  const Node& node_;
  mutable std::mutex mutex_;
  mutable std::vector<File> files_;
  uint64_t round_ = 0;
};

}  // namespace fencewatch
