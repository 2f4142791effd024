// libarchive(3), opened by name when an archive is to be read: the exporter itself is not to carry it.
#pragma once

#include <archive.h>
#include <archive_entry.h>

namespace fencewatch {

struct Libarchive {
  decltype(&archive_read_new) read_new;
  decltype(&archive_read_free) read_free;
  decltype(&archive_read_support_filter_all) support_filter_all;
  decltype(&archive_read_support_format_all) support_format_all;
  decltype(&archive_read_open_fd) open_fd;
  decltype(&archive_read_open_filename) open_filename;
  decltype(&archive_read_next_header) next_header;
  decltype(&archive_read_data_block) read_data_block;
  decltype(&archive_error_string) error_string;
  decltype(&archive_entry_pathname) pathname;
  decltype(&archive_entry_filetype) filetype;
  decltype(&archive_entry_hardlink) hardlink;
  decltype(&archive_entry_mtime) mtime;
};

// Null: libarchive.so.13 is not there.
const Libarchive* libarchive();

}  // namespace fencewatch
