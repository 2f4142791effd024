// What --check-config says of paths that need not be there where it is run, but most often are.
#pragma once

#include <string>
#include <vector>

#include "exporter/base/settings.h"

namespace fencewatch {

// One line for each root, state directory, library directory and file of custom_events that is missing or is something else than it should
// be. A file is looked for below --path.rootfs; nothing is waited for.
std::vector<std::string> doubtful_paths(const Settings& settings);

}  // namespace fencewatch
