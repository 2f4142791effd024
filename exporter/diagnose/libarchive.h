// libarchive(3), opened by name when an archive is to be read: the exporter itself is not to carry it, nor its builder its headers. The
// functions are those of libarchive.so.13 (3.0 and later), archive_read(3) and archive_entry(3).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>

struct archive;
struct archive_entry;

namespace fencewatch {

struct Libarchive {
  enum : int { ok = 0, end = 1, warning = -20 };  // ARCHIVE_OK, ARCHIVE_EOF, ARCHIVE_WARN; below: an error
  static constexpr unsigned regular = 0100000;    // AE_IFREG

  archive* (*read_new)();
  int (*read_free)(archive*);
  int (*support_filter_all)(archive*);
  int (*support_format_all)(archive*);
  int (*open_fd)(archive*, int fd, size_t block);
  int (*open_filename)(archive*, const char* name, size_t block);
  int (*next_header)(archive*, archive_entry**);
  int (*read_data_block)(archive*, const void** data, size_t* size, int64_t* offset);
  const char* (*error_string)(archive*);
  const char* (*pathname)(archive_entry*);
  unsigned (*filetype)(archive_entry*);
  const char* (*hardlink)(archive_entry*);
  std::time_t (*mtime)(archive_entry*);
};

// Null: libarchive.so.13 is not there.
const Libarchive* libarchive();

}  // namespace fencewatch
