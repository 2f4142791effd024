// Which logs the configuration asks for, and where they are on the watched machine.
#pragma once

#include <string>

#include "exporter/logs/channels.h"

namespace fencewatch {

struct Settings;

// Where the journal of the watched machine is; empty: it is that of this machine.
std::string journal_directory(const Settings& settings);

// The file that holds the id of its boot, random(4).
std::string boot_id_path(const Settings& settings);

// The sources of each channel, the best first: what the configuration says, or the usual ones.
LogSources log_sources(const Settings& settings);

}  // namespace fencewatch
