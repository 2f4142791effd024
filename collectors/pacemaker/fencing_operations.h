// Which lines tell of a fencing that was not told of before. Pacemaker's fencer and its controller tell of each, in either order; several
// clients may have asked for one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace fencewatch {

// What one line says of a fencing that has ended.
struct FencingOperation {
  std::string_view target;
  std::string_view action;    // empty: not told (the controller of 1.1.8)
  std::string_view client;    // "crmd.2114"; empty: not told (1.1.7, the controller of 1.1.8)
  std::string_view delegate;  // who did it; "<no-one>" and "<anyone>" are the same nobody
  std::string_view id;        // its first 8 digits; empty: not told
  bool success = false;
  bool merged = false;        // it ended together with another that counts, and says so
  bool marks_merged = false;  // the version would say so: since 2.0.5
};

// As many of alike operations (target, action, client) within half a minute are new as the more talkative of the two daemons told of. Where
// only one of them is logged, its lines count. Used by one thread.
class FencingOperations {
 public:
  enum Speaker { fencer, controller };

  // `time_us`: microseconds since 1970; 0: not known.
  bool is_new(Speaker speaker, const FencingOperation& operation, int64_t time_us);

  // What was told of in the end, for Collector::memory(); and that again. Text that it is not is left alone.
  std::string memory() const;
  void remember(std::string_view memory);

 private:
  struct Told {
    std::string target, action, client, delegate;
    int64_t time_us = 0;     // of the last line
    int64_t counted_us = 0;  // of the last that was new
    std::array<uint32_t, 2> lines = {};
    uint32_t counted = 0;
    bool success = false;
  };

  bool knows(Speaker speaker, std::string_view id) const;
  void learn(Speaker speaker, std::string_view id);
  Told& find(Speaker speaker, const FencingOperation& operation, int64_t time_us);
  bool ended_with_another(const Told& told, int64_t time_us) const;

  std::array<Told, 64> told_;
  size_t next_ = 0;
  std::array<std::string, 128> ids_;  // "f3d26dc86": who told of which
  size_t next_id_ = 0;
};

}  // namespace fencewatch
