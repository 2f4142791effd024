#include "collectors/corosync/client.h"

#include <dlfcn.h>

#include <algorithm>

namespace fencewatch {
namespace {

constexpr std::chrono::seconds kLongest{60};
constexpr std::chrono::seconds kAfterRefusal{300};

// What the libraries are linked with, in the order in which they must be there: libqb is .0 with corosync 2 and .100 with 3.
constexpr const char* kNeeded[] = {"libqb.so.100", "libqb.so.0", "libcorosync_common.so.4"};

}  // namespace

Status status_of(CsError error) {
  switch (error) {
    case CsError::ok:
      return {};
    case CsError::library:
      return {Code::refused, 0, {}, "corosync does not answer: a pod needs the host's network and /dev/shm, and may write to it"};
    case CsError::access:
      return {Code::denied, 0, {}, "corosync refuses this user: run as root, or list the user in uidgid.d"};
    case CsError::not_exist:
      return {Code::io, 0, {}, "the host's /dev/shm is not here"};
    case CsError::no_memory:
    case CsError::no_space:
    case CsError::no_resources:
      return {Code::limit, 0, {}, "corosync or its client has no resources left"};
    case CsError::try_again:
      return {Code::refused, 0, {}, "corosync is busy or starting"};
    case CsError::invalid_param:
    case CsError::bad_handle:
    case CsError::no_sections:
      break;
  }
  return {Code::refused, 0, {}, "corosync answered with an error"};
}

ClientLibrary::~ClientLibrary() {
  if (handle_) dlclose(handle_);
}

Status ClientLibrary::open() {
  if (handle_) return {};
  if (!directory_.empty()) {
    // What the library needs is beside it, where the loader does not look by itself.
    for (const char* name : kNeeded) (void)load(directory_ + '/' + name);
    handle_ = load(directory_ + '/' + soname_);
  }
  if (!handle_) handle_ = load(soname_);
  if (!handle_) return {Code::io, 0, {}, "corosync's client libraries cannot be loaded: see --corosync.library-dir"};
  return {};
}

void* ClientLibrary::load(const std::string& path) const { return dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL); }

void* ClientLibrary::symbol(const char* name) const { return handle_ ? dlsym(handle_, name) : nullptr; }

void Backoff::failed(const Status& status, Clock::time_point now) {
  fault_ = status;
  next_ = now + (status.code == Code::denied ? kAfterRefusal : pause_);
  pause_ = std::min(2 * pause_, kLongest);
}

}  // namespace fencewatch
