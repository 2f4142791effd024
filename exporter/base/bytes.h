// Bytes read or written again and again.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace fencewatch {

// A buffer that keeps its capacity: the second read of a file of the same size allocates nothing.
class Bytes {
 public:
  const char* data() const { return data_.get(); }
  char* data() { return data_.get(); }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::string_view view() const { return {data_.get(), size_}; }
  operator std::string_view() const { return view(); }
  void clear() { size_ = 0; }
  void resize(size_t n) { reserve(n), size_ = n; }  // new bytes are not initialised
  void reserve(size_t n);                           // keeps the contents
  void append(std::string_view text);

 private:
  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace fencewatch
