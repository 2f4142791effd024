// One node as it was when a report of it was made, or as it is: its collectors' samples and its logs' events, read as --once reads them.
#pragma once

#include <span>
#include <string>

#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "exporter/report/facts.h"

namespace fencewatch {

// As the cluster calls it: its host name without a domain, else the last part of `root`.
std::string name_of(const Node& node, const std::string& root);

// `settings.paths` says where it is. Collectors that find nothing cost nothing. Throws what Spec::make throws.
Facts read_node(std::span<const Spec* const> collectors, Settings settings);

}  // namespace fencewatch
