// Writes JSON, RFC 8259: objects and arrays in the order in which they are told, bytes that are no UTF-8 as U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fencewatch {

class Json {
 public:
  Json& begin_object() { return open('{'); }
  Json& end_object() { return close('}'); }
  Json& begin_array() { return open('['); }
  Json& end_array() { return close(']'); }
  Json& key(std::string_view name);
  Json& value(std::string_view text);
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(double number);
  Json& value(int64_t number);
  Json& value(uint64_t number) { return value(static_cast<int64_t>(number)); }
  Json& value(int number) { return value(int64_t{number}); }
  Json& value(bool truth);
  template <class T>
  Json& member(std::string_view name, const T& its) {
    return key(name).value(its);
  }
  std::string take() { return std::move(text_); }

 private:
  Json& open(char bracket);
  Json& close(char bracket);
  void comma();
  void quoted(std::string_view text);

  std::string text_;
  bool first_ = true;
};

// `text` with what is no UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

}  // namespace fencewatch
