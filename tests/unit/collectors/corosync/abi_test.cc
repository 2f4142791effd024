// What we declare of corosync's client libraries is what their headers say, where they are installed.
#include <doctest/doctest.h>

#if __has_include(<corosync/cmap.h>) && __has_include(<corosync/votequorum.h>) && __has_include(<corosync/quorum.h>)
#include <corosync/cmap.h>
#include <corosync/quorum.h>
#include <corosync/votequorum.h>

#include <cstddef>
#include <type_traits>

#include "collectors/corosync/client.h"
#include "collectors/corosync/cmap.h"
#include "collectors/corosync/quorum.h"

namespace fencewatch {
namespace {

// An enumeration is passed as an int.
static_assert(sizeof(cs_error_t) == sizeof(int) && sizeof(cmap_map_t) == sizeof(int) && sizeof(cmap_value_types_t) == sizeof(int));
static_assert(std::is_same_v<decltype(cmap_initialize), cs_error_t(uint64_t*)>);
static_assert(std::is_same_v<decltype(cmap_initialize_map), cs_error_t(uint64_t*, cmap_map_t)>);
static_assert(std::is_same_v<decltype(cmap_finalize), cs_error_t(uint64_t)>);
static_assert(std::is_same_v<decltype(cmap_get), cs_error_t(uint64_t, const char*, void*, size_t*, cmap_value_types_t*)>);
static_assert(std::is_same_v<decltype(cmap_iter_init), cs_error_t(uint64_t, const char*, uint64_t*)>);
static_assert(std::is_same_v<decltype(cmap_iter_next), cs_error_t(uint64_t, uint64_t, char*, size_t*, cmap_value_types_t*)>);
static_assert(std::is_same_v<decltype(cmap_iter_finalize), cs_error_t(uint64_t, uint64_t)>);
static_assert(std::is_same_v<decltype(votequorum_initialize), cs_error_t(uint64_t*, votequorum_callbacks_t*)>);
static_assert(std::is_same_v<decltype(votequorum_finalize), cs_error_t(uint64_t)>);
static_assert(std::is_same_v<decltype(votequorum_getinfo), cs_error_t(uint64_t, unsigned, votequorum_info*)>);
static_assert(std::is_same_v<decltype(quorum_initialize), cs_error_t(uint64_t*, quorum_callbacks_t*, uint32_t*)>);
static_assert(std::is_same_v<decltype(quorum_finalize), cs_error_t(uint64_t)>);
static_assert(std::is_same_v<decltype(quorum_getquorate), cs_error_t(uint64_t, int*)>);

static_assert(CMAP_KEYNAME_MAXLEN == 255 && CMAP_VALUETYPE_INT8 == 1 && CMAP_VALUETYPE_DOUBLE == 10 && CMAP_VALUETYPE_STRING == 11);
static_assert(CMAP_MAP_ICMAP == static_cast<int>(Cmap::Map::icmap) && CMAP_MAP_STATS == static_cast<int>(Cmap::Map::stats));
static_assert(CS_OK == static_cast<int>(CsError::ok) && CS_ERR_LIBRARY == static_cast<int>(CsError::library));
static_assert(CS_ERR_TRY_AGAIN == static_cast<int>(CsError::try_again) && CS_ERR_INVALID_PARAM == static_cast<int>(CsError::invalid_param));
static_assert(CS_ERR_NO_MEMORY == static_cast<int>(CsError::no_memory) && CS_ERR_BAD_HANDLE == static_cast<int>(CsError::bad_handle));
static_assert(CS_ERR_ACCESS == static_cast<int>(CsError::access) && CS_ERR_NOT_EXIST == static_cast<int>(CsError::not_exist));
static_assert(CS_ERR_NO_SPACE == static_cast<int>(CsError::no_space) && CS_ERR_NO_RESOURCES == static_cast<int>(CsError::no_resources));
static_assert(CS_ERR_NO_SECTIONS == static_cast<int>(CsError::no_sections));

}  // namespace

TEST_CASE("votequorum_info is what votequorum fills in") {
  CHECK(sizeof(VotequorumInfo) == sizeof(votequorum_info));
  CHECK(offsetof(VotequorumInfo, highest_expected) == offsetof(votequorum_info, highest_expected));
  CHECK(offsetof(VotequorumInfo, total_votes) == offsetof(votequorum_info, total_votes));
  CHECK(offsetof(VotequorumInfo, quorum) == offsetof(votequorum_info, quorum));
  CHECK(offsetof(VotequorumInfo, flags) == offsetof(votequorum_info, flags));
  CHECK(VotequorumInfo::kQuorate == VOTEQUORUM_INFO_QUORATE);
}

}  // namespace fencewatch
#endif
