// Which logs the configuration asks for, and where they are on the watched machine.
#pragma once

#include <memory>

#include "exporter/logs/reader.h"

namespace fencewatch {

struct Config;
class Runner;

// Hands the events of the logs to the Runner's collectors and has its own metrics shown. Null: no collector wants to hear of any. Must
// outlive the Runner's scrapes. Throws std::invalid_argument that names a pattern that cannot be used; with Config::Mode::check that is
// all it does.
std::unique_ptr<LogReader> open_logs(const Config& config, Runner& runner);

// Where the journal of the watched machine is; empty: it is that of this machine.
std::string journal_directory(const Config& config);

// The sources of each channel, the best first: what the configuration says, or the usual ones.
LogSources log_sources(const Config& config);

}  // namespace fencewatch
