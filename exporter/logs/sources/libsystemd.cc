#include "exporter/logs/sources/libsystemd.h"

#include <dlfcn.h>

#include "exporter/memory/locking.h"

namespace fencewatch {
namespace {

class Loader {
 public:
  Loader() : handle_(dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL)) {}

  template <class Function>
  Loader& take(Function& function, const char* name) {
    function = handle_ ? reinterpret_cast<Function>(dlsym(handle_, name)) : nullptr;
    complete_ = complete_ && function != nullptr;
    return *this;
  }
  bool complete() const { return complete_; }

 private:
  void* const handle_;  // never closed: journals may be open until the end
  bool complete_ = true;
};

bool load(Libsystemd& sd) {
  const memory::LockAsUsed as_used;
  return Loader()
      .take(sd.open, "sd_journal_open")
      .take(sd.open_directory, "sd_journal_open_directory")
      .take(sd.close, "sd_journal_close")
      .take(sd.get_usage, "sd_journal_get_usage")
      .take(sd.set_data_threshold, "sd_journal_set_data_threshold")
      .take(sd.add_match, "sd_journal_add_match")
      .take(sd.add_disjunction, "sd_journal_add_disjunction")
      .take(sd.add_conjunction, "sd_journal_add_conjunction")
      .take(sd.seek_head, "sd_journal_seek_head")
      .take(sd.seek_cursor, "sd_journal_seek_cursor")
      .take(sd.seek_realtime_usec, "sd_journal_seek_realtime_usec")
      .take(sd.test_cursor, "sd_journal_test_cursor")
      .take(sd.next, "sd_journal_next")
      .take(sd.previous_skip, "sd_journal_previous_skip")
      .take(sd.get_data, "sd_journal_get_data")
      .take(sd.get_cursor, "sd_journal_get_cursor")
      .take(sd.get_realtime_usec, "sd_journal_get_realtime_usec")
      .take(sd.get_monotonic_usec, "sd_journal_get_monotonic_usec")
      .take(sd.get_fd, "sd_journal_get_fd")
      .take(sd.reliable_fd, "sd_journal_reliable_fd")
      .take(sd.process, "sd_journal_process")
      .complete();
}

}  // namespace

const Libsystemd* libsystemd() {
  static Libsystemd functions{};
  static const bool loaded = load(functions);
  return loaded ? &functions : nullptr;
}

}  // namespace fencewatch
