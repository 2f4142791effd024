// A corosync that runs in the test: tests/fake_corosync.cc in place of libcmap, libvotequorum and libquorum.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>

namespace fencewatch::test {

// Where the fakes of corosync 2 and 3 are.
extern const char* const kCorosync2;
extern const char* const kCorosync3;

struct FakeCorosync {
  struct Value {
    int type = 0;
    std::string bytes;
  };
  using Map = std::map<std::string, Value>;

  Map icmap, stats;
  int initialize = 1;  // what cmap_initialize* gives, a cs_error_t
  int get = 1;         // what cmap_get gives for keys that are there
  int votequorum = 1;  // what votequorum_initialize gives
  int quorum = 1;      // what quorum_initialize gives
  unsigned votes = 3, expected = 3, needed = 2;
  bool quorate = true;
  int connections = 0;  // open now
  int connected = 0;    // ever
  int calls = 0;        // of cmap_get

  template <class T>
  static Value value(int type, const T& value) {
    return {type, std::string(reinterpret_cast<const char*>(&value), sizeof value)};
  }
  static Value u8(uint8_t v) { return value(2, v); }
  static Value u32(uint32_t v) { return value(6, v); }
  static Value i32(int32_t v) { return value(5, v); }
  static Value u64(uint64_t v) { return value(8, v); }
  static Value flt(float v) { return value(9, v); }
  static Value text(const char* v) { return {11, std::string(v, std::strlen(v) + 1)}; }
};

}  // namespace fencewatch::test
