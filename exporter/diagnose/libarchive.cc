#include "exporter/diagnose/libarchive.h"

#include <dlfcn.h>

namespace fencewatch {
namespace {

template <class Function>
bool take(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool load(Libarchive& all) {
  void* const library = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
  return library != nullptr && take(library, all.read_new, "archive_read_new") && take(library, all.read_free, "archive_read_free") &&
         take(library, all.support_filter_all, "archive_read_support_filter_all") &&
         take(library, all.support_format_all, "archive_read_support_format_all") && take(library, all.open_fd, "archive_read_open_fd") &&
         take(library, all.open_filename, "archive_read_open_filename") && take(library, all.next_header, "archive_read_next_header") &&
         take(library, all.read_data_block, "archive_read_data_block") && take(library, all.error_string, "archive_error_string") &&
         take(library, all.pathname, "archive_entry_pathname") && take(library, all.filetype, "archive_entry_filetype") &&
         take(library, all.hardlink, "archive_entry_hardlink") && take(library, all.mtime, "archive_entry_mtime");
}

}  // namespace

const Libarchive* libarchive() {
  static Libarchive functions{};
  static const bool loaded = load(functions);
  return loaded ? &functions : nullptr;
}

}  // namespace fencewatch
