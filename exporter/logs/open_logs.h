// Brings the logs together with the collectors that want to hear of them.
#pragma once

#include <functional>
#include <memory>

#include "exporter/logs/reader.h"

namespace fencewatch {

struct Settings;
class Runner;

// Who is to be told in a collector's place, and hands on to it. Outlives the reader.
using Listening = std::function<Collector&(Collector& collector)>;

// Hands the events of the logs to the Runner's collectors and has its own metrics shown. Null: no collector wants to hear of any. Must
// outlive the Runner's scrapes. Throws std::invalid_argument that names a pattern that cannot be used; with Settings::Mode::check that is
// all it does.
std::unique_ptr<LogReader> open_logs(const Settings& settings, Runner& runner, const Listening& listening = {});

}  // namespace fencewatch
