// A connection to corosync's map of keys, through libcmap: cmap_overview(3), corosync/cmap.h; the keys are in cmap_keys(7).
#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "collectors/corosync/client.h"

namespace fencewatch {

// A key put together without the heap; one that is too long is cut, and then not found.
class CmapKey {
 public:
  template <class... Parts>
  explicit CmapKey(const Parts&... parts) {
    (append(parts), ...);
    text_[size_] = '\0';
  }
  const char* c_str() const { return text_.data(); }

 private:
  void append(std::string_view part) { size_ += part.copy(text_.data() + size_, kLongest - size_); }
  void append(uint32_t number) {
    size_ = static_cast<size_t>(std::to_chars(text_.data() + size_, text_.data() + kLongest, number).ptr - text_.data());
  }

  static constexpr size_t kLongest = 255;  // CMAP_KEYNAME_MAXLEN
  std::array<char, kLongest + 1> text_;
  size_t size_ = 0;
};

class CmapLibrary {
 public:
  explicit CmapLibrary(std::string directory);
  Status open();
  // Corosync 2 has but one map, in which the statistics are as well.
  bool has_maps() const { return initialize_map_ != nullptr; }

 private:
  friend class Cmap;
  ClientLibrary library_;
  int (*initialize_)(uint64_t* handle) = nullptr;
  int (*initialize_map_)(uint64_t* handle, int map) = nullptr;
  int (*finalize_)(uint64_t handle) = nullptr;
  int (*get_)(uint64_t handle, const char* key, void* value, size_t* size, int* type) = nullptr;
  int (*iter_init_)(uint64_t handle, const char* prefix, uint64_t* iterator) = nullptr;
  int (*iter_next_)(uint64_t handle, uint64_t iterator, char* key, size_t* size, int* type) = nullptr;
  int (*iter_finalize_)(uint64_t handle, uint64_t iterator) = nullptr;
};

// Calls block as long as corosync is stopped; each costs its main thread some 10 us. Not thread safe.
class Cmap {
 public:
  enum class Map : int { icmap = 0, stats = 1 };

  Cmap(const CmapLibrary& library, AnswerTime& time) : library_(library), time_(time) {}
  ~Cmap() { close(); }
  Cmap(const Cmap&) = delete;

  Status connect(Map map);
  bool connected() const { return connected_; }
  void close();

  // Absent when corosync does not have the key or it is of another type. After a fault but "try again" the connection is closed.
  Status number(const char* key, std::optional<double>& out);
  Status integer(const char* key, std::optional<uint64_t>& out);
  Status text(const char* key, char* out, size_t& size);  // `size`: of the room, then of the text; 0 when absent
  // Calls `each` with every key that begins with `prefix`: one call of corosync for each, so not at every scrape.
  Status keys(const char* prefix, const std::function<void(std::string_view key)>& each);

 private:
  struct Value;
  Status get(const char* key, Value& value, bool& found);
  Status lost(int error);

  const CmapLibrary& library_;
  AnswerTime& time_;
  uint64_t handle_ = 0;
  bool connected_ = false;
};

}  // namespace fencewatch
