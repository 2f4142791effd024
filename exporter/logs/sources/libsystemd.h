// The functions of libsystemd that read journals, sd-journal(3). Loaded when the first journal is opened and locked into memory only as far
// as it is used: with the libraries that it brings along it is 3.5 MiB, which nodes that log to files can do without.
#pragma once

#include <systemd/sd-journal.h>

namespace fencewatch {

struct Libsystemd {
  decltype(&::sd_journal_open) open;
  decltype(&::sd_journal_open_directory) open_directory;
  decltype(&::sd_journal_close) close;
  decltype(&::sd_journal_get_usage) get_usage;
  decltype(&::sd_journal_set_data_threshold) set_data_threshold;
  decltype(&::sd_journal_add_match) add_match;
  decltype(&::sd_journal_add_disjunction) add_disjunction;
  decltype(&::sd_journal_add_conjunction) add_conjunction;
  decltype(&::sd_journal_seek_head) seek_head;
  decltype(&::sd_journal_seek_cursor) seek_cursor;
  decltype(&::sd_journal_seek_realtime_usec) seek_realtime_usec;
  decltype(&::sd_journal_test_cursor) test_cursor;
  decltype(&::sd_journal_next) next;
  decltype(&::sd_journal_previous_skip) previous_skip;
  decltype(&::sd_journal_get_data) get_data;
  decltype(&::sd_journal_get_cursor) get_cursor;
  decltype(&::sd_journal_get_realtime_usec) get_realtime_usec;
  decltype(&::sd_journal_get_monotonic_usec) get_monotonic_usec;
  decltype(&::sd_journal_get_fd) get_fd;
  decltype(&::sd_journal_reliable_fd) reliable_fd;
  decltype(&::sd_journal_process) process;
};

// Null when it is not installed, or too old: 219 has them all. Safe from any number of threads.
const Libsystemd* libsystemd();

}  // namespace fencewatch
