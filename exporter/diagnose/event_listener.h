// A collector that hears what another one does, before it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/collect/collector.h"

namespace fencewatch {

using Hear = std::function<void(const Match& match, const Pattern& pattern)>;

// Hands everything on to `collector`, which must outlive it.
std::unique_ptr<Collector> listening_with(Collector& collector, Hear hear);

// The names in Pattern::fields with what the groups of a match caught, as long as there are both.
std::vector<std::pair<std::string_view, std::string>> named_groups(std::string_view fields, std::span<const std::string_view> groups);

}  // namespace fencewatch
