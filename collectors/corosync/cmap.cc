#include "collectors/corosync/cmap.h"

#include <cmath>
#include <cstring>

namespace fencewatch {
namespace {

constexpr const char* kSoname = "libcmap.so.4";  // of corosync 2 and 3

// cmap_value_types_t
enum : int { kInt8 = 1, kUint8, kInt16, kUint16, kInt32, kUint32, kInt64, kUint64, kFloat, kDouble, kString };

constexpr size_t kKeyRoom = 256;  // CMAP_KEYNAME_MAXLEN and a NUL

template <class Type>
Type as(const char* bytes) {
  Type value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

// Numbers are copied out of what corosync sent; strings that are longer are not for us.
struct Cmap::Value {
  char bytes[64];
  size_t size = sizeof bytes;
  int type = 0;

  std::optional<uint64_t> integer() const {
    switch (type) {
      case kUint8:
        return as<uint8_t>(bytes);
      case kUint16:
        return as<uint16_t>(bytes);
      case kUint32:
        return as<uint32_t>(bytes);
      case kUint64:
        return as<uint64_t>(bytes);
      default:
        break;
    }
    const std::optional<int64_t> with_sign = signed_integer();
    return with_sign && *with_sign >= 0 ? std::optional<uint64_t>(*with_sign) : std::nullopt;
  }

  std::optional<double> number() const {
    if (type == kFloat) return as<float>(bytes);
    if (type == kDouble) return as<double>(bytes);
    if (const auto positive = integer()) return static_cast<double>(*positive);
    if (const auto negative = signed_integer()) return static_cast<double>(*negative);
    return {};
  }

 private:
  std::optional<int64_t> signed_integer() const {
    switch (type) {
      case kInt8:
        return as<int8_t>(bytes);
      case kInt16:
        return as<int16_t>(bytes);
      case kInt32:
        return as<int32_t>(bytes);
      case kInt64:
        return as<int64_t>(bytes);
      default:
        return {};
    }
  }
};

CmapLibrary::CmapLibrary(std::string directory) : library_(kSoname, std::move(directory)) {}

Status CmapLibrary::open() {
  if (get_) return {};
  if (const Status status = library_.open(); !status) return status;
  initialize_ = library_.find<int(uint64_t*)>("cmap_initialize");
  initialize_map_ = library_.find<int(uint64_t*, int)>("cmap_initialize_map");
  finalize_ = library_.find<int(uint64_t)>("cmap_finalize");
  iter_init_ = library_.find<int(uint64_t, const char*, uint64_t*)>("cmap_iter_init");
  iter_next_ = library_.find<int(uint64_t, uint64_t, char*, size_t*, int*)>("cmap_iter_next");
  iter_finalize_ = library_.find<int(uint64_t, uint64_t)>("cmap_iter_finalize");
  const auto get = library_.find<int(uint64_t, const char*, void*, size_t*, int*)>("cmap_get");
  if (!initialize_ || !finalize_ || !get || !iter_init_ || !iter_next_ || !iter_finalize_) {
    return {Code::io, 0, {}, "libcmap.so.4 lacks functions that it always had"};
  }
  get_ = get;
  return {};
}

Status Cmap::connect(Map map) {
  close();
  uint64_t handle = 0;
  const int error = time_.measure(
      [&] { return library_.initialize_map_ ? library_.initialize_map_(&handle, static_cast<int>(map)) : library_.initialize_(&handle); });
  if (error != static_cast<int>(CsError::ok)) return status_of(CsError{error});
  handle_ = handle;
  connected_ = true;
  return {};
}

void Cmap::close() {
  if (connected_) (void)library_.finalize_(handle_);
  connected_ = false;
}

Status Cmap::lost(int error) {
  if (CsError{error} != CsError::try_again) close();
  return status_of(CsError{error});
}

Status Cmap::get(const char* key, Value& value, bool& found) {
  found = false;
  const int error = time_.measure([&] { return library_.get_(handle_, key, value.bytes, &value.size, &value.type); });
  if (error == static_cast<int>(CsError::not_exist) || error == static_cast<int>(CsError::invalid_param)) return {};
  if (error != static_cast<int>(CsError::ok)) return lost(error);
  found = true;
  return {};
}

Status Cmap::integer(const char* key, std::optional<uint64_t>& out) {
  Value value;
  bool found;
  const Status status = get(key, value, found);
  out = found ? value.integer() : std::nullopt;
  return status;
}

Status Cmap::number(const char* key, std::optional<double>& out) {
  Value value;
  bool found;
  const Status status = get(key, value, found);
  out = found ? value.number() : std::nullopt;
  return status;
}

Status Cmap::text(const char* key, char* out, size_t& size) {
  Value value;
  bool found;
  const Status status = get(key, value, found);
  size_t length = 0;
  if (found && value.type == kString) {
    length = std::min(strnlen(value.bytes, value.size), size);  // the NUL is counted
    std::memcpy(out, value.bytes, length);
  }
  size = length;
  return status;
}

Status Cmap::keys(const char* prefix, const std::function<void(std::string_view key)>& each) {
  uint64_t iterator = 0;
  const int begun = time_.measure([&] { return library_.iter_init_(handle_, prefix, &iterator); });
  if (begun != static_cast<int>(CsError::ok)) return lost(begun);
  char key[kKeyRoom];
  size_t size;
  int type;
  int error;
  const auto next = [&] { return library_.iter_next_(handle_, iterator, key, &size, &type); };
  while ((error = time_.measure(next)) == static_cast<int>(CsError::ok)) each(key);
  (void)library_.iter_finalize_(handle_, iterator);
  return error == static_cast<int>(CsError::no_sections) ? Status{} : lost(error);
}

}  // namespace fencewatch
