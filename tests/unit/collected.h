// A collector at work on a node, and the lines that it writes.
#pragma once

#include <memory>
#include <string>

#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"

namespace fencewatch::test {

std::string rendered(const Page& page);  // as text 0.0.4
std::string samples(const Page& page);   // of that the lines with values

// A collector's life, page by page.
struct Run {
  explicit Run(const Spec& spec, Settings settings = {}) : config(std::move(settings)), collector(spec.make(config)) {}
  Status collect(const Node& node) {
    page.clear();
    return collector->collect(node, page);
  }

  Settings config;
  std::unique_ptr<Collector> collector;
  Page page;
};

// What a new collector writes, which must not fail.
std::string shown(const Spec& spec, const Node& node);
// A new collector fails, of this file and line.
void check_fault(const Spec& spec, const Node& node, Code code, std::string_view file, uint32_t line);

}  // namespace fencewatch::test
