// libcmap, libvotequorum and libquorum in one, over the maps of a FakeCorosync. With COROSYNC_2 without cmap_initialize_map.
#include "tests/unit/collectors/fake_corosync.h"

#include <cstddef>
#include <cstdint>
#include <iterator>

using fencewatch::test::FakeCorosync;

namespace {

enum : int { kOk = 1, kInvalidParam = 7, kBadHandle = 9, kNotExist = 12, kNoSections = 27 };
enum : uint64_t { kIcmap = 1, kStats = 2, kVotes = 3, kQuorum = 4 };

FakeCorosync fake;

FakeCorosync::Map& map_of(uint64_t handle) { return handle == kStats ? fake.stats : fake.icmap; }

int connect(int error, uint64_t* handle, uint64_t which) {
  if (error != kOk) return error;
  ++fake.connections, ++fake.connected;
  *handle = which;
  return kOk;
}

int finalize() { return --fake.connections, kOk; }

// The iterator is the name of the last key given.
struct Iterator {
  std::string prefix, last;
};

}  // namespace

extern "C" {

FakeCorosync* fake_corosync() { return &fake; }

int cmap_initialize(uint64_t* handle) { return connect(fake.initialize, handle, kIcmap); }
#ifndef COROSYNC_2
int cmap_initialize_map(uint64_t* handle, int map) { return connect(fake.initialize, handle, map == 1 ? kStats : kIcmap); }
#endif
int cmap_finalize(uint64_t) { return finalize(); }

int cmap_get(uint64_t handle, const char* key, void* value, size_t* size, int* type) {
  ++fake.calls;
  const auto found = map_of(handle).find(key);
  if (found == map_of(handle).end()) return kNotExist;
  if (fake.get != kOk) return fake.get;
  const std::string& bytes = found->second.bytes;
  if (*size < bytes.size()) return kInvalidParam;
  std::memcpy(value, bytes.data(), bytes.size());
  *size = bytes.size();
  *type = found->second.type;
  return kOk;
}

int cmap_iter_init(uint64_t, const char* prefix, uint64_t* iterator) {
  *iterator = reinterpret_cast<uint64_t>(new Iterator{prefix, ""});
  return kOk;
}
int cmap_iter_next(uint64_t handle, uint64_t iterator, char* key, size_t* size, int* type) {
  auto* const at = reinterpret_cast<Iterator*>(iterator);
  const auto next = at->last.empty() ? map_of(handle).lower_bound(at->prefix) : map_of(handle).upper_bound(at->last);
  if (next == map_of(handle).end() || next->first.compare(0, at->prefix.size(), at->prefix) != 0) return kNoSections;
  at->last = next->first;
  std::memcpy(key, at->last.c_str(), at->last.size() + 1);
  *size = next->second.bytes.size();
  *type = next->second.type;
  return kOk;
}
int cmap_iter_finalize(uint64_t, uint64_t iterator) {
  delete reinterpret_cast<Iterator*>(iterator);
  return kOk;
}

int votequorum_initialize(uint64_t* handle, void*) { return connect(fake.votequorum, handle, kVotes); }
int votequorum_finalize(uint64_t) { return finalize(); }
int votequorum_getinfo(uint64_t handle, unsigned node, unsigned* info) {
  if (handle != kVotes) return kBadHandle;
  if (node == 0) return kNotExist;  // of the quorum device
  const unsigned values[] = {node, 1, 1, 1, fake.expected, fake.votes, fake.needed, fake.quorate ? 2u : 0u, 0};
  std::memcpy(info, values, sizeof values);
  return kOk;
}

int quorum_initialize(uint64_t* handle, void*, uint32_t* type) {
  *type = 1;
  return connect(fake.quorum, handle, kQuorum);
}
int quorum_finalize(uint64_t) { return finalize(); }
int quorum_getquorate(uint64_t handle, int* quorate) {
  if (handle != kQuorum) return kBadHandle;
  *quorate = fake.quorate;
  return kOk;
}
}
