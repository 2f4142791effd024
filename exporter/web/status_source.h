// What the status page shows: given to the Server by who knows how to diagnose.
#pragma once

#include <string>
#include <string_view>

namespace fencewatch {

// Called on the threads that answer, several at once. Nothing is collected for it.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  virtual std::string page(bool chinese) const = 0;
  virtual std::string json() const = 0;
  virtual std::string_view style() const = 0;  // the one <style> of the page
};

}  // namespace fencewatch
