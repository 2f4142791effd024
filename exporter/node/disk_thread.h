// A Node whose files on a disk are read by a thread of its own, which may hang alone: in a shortage of memory the page cache is reclaimed
// first, and who reads from a disk waits for that. What is below proc/ and sys/ is read by the caller, as these are made by the kernel.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/node/node.h"

namespace fencewatch {

// Safe from any number of threads. A caller waits for `patience` at most, and not at all while the thread hangs: it is given what the same
// call came to last, and Code::stuck where there was none or it is older than kStale.
class DiskThread final : public Node {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPatience{300};
  static constexpr std::chrono::minutes kStale{5};
  static constexpr size_t kMost = 32;  // answers that are kept; of more, those that nobody waits for go

  explicit DiskThread(const Node& node, std::chrono::milliseconds patience = kPatience);  // the node outlives it
  // Leaves the thread behind when it hangs; leave the process with std::_Exit then, as Runner::stop().
  ~DiskThread() override;

  void start();  // before other threads use it, and before memory is locked; until then the caller reads
  bool stop();   // false: it hangs, and was left there

  Status read(std::string_view path, Bytes& out) const override;
  Status list(std::string_view dir, Names& out) const override;
  long page_size() const override { return node_.page_size(); }
  bool aside(std::string_view name, const std::function<void()>& work) const override;

  std::chrono::nanoseconds hanging() const override;

 private:
  struct Shared;
  const Node& node_;
  const std::shared_ptr<Shared> shared_;  // the thread has its share
  bool started_ = false;
};

}  // namespace fencewatch
