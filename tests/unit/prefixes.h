// Every prefix of a text, each in a buffer of exactly its size, so that the sanitizer sees a parser that reads on.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

namespace fencewatch::test {

// check(prefix), from the empty one to the longest that is not the whole.
template <class Check>
void each_prefix(std::string_view text, Check check) {
  for (size_t length = 0; length < text.size(); ++length) {
    const auto copy = std::make_unique<char[]>(length);
    std::copy_n(text.data(), length, copy.get());
    check(std::string_view(copy.get(), length));
  }
}

}  // namespace fencewatch::test
