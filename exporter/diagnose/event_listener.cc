#include "exporter/diagnose/event_listener.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace fencewatch {
namespace {

class Listener final : public Collector {
 public:
  Listener(Collector& collector, Hear hear) : collector_(collector), hear_(std::move(hear)) {}
  Status collect(const Node& node, Page& page) override { return collector_.collect(node, page); }
  std::span<const Pattern> patterns() const override { return collector_.patterns(); }
  void on_event(const Match& match) override {
    hear_(match, collector_.patterns()[match.pattern]);
    collector_.on_event(match);
  }
  Counts* counts() override { return collector_.counts(); }
  std::string memory() const override { return collector_.memory(); }
  void remember(std::string_view memory) override { collector_.remember(memory); }

 private:
  Collector& collector_;
  const Hear hear_;
};

}  // namespace

std::unique_ptr<Collector> listening_with(Collector& collector, Hear hear) {
  return std::make_unique<Listener>(collector, std::move(hear));
}

std::vector<std::pair<std::string_view, std::string>> named_groups(std::string_view fields, std::span<const std::string_view> groups) {
  std::vector<std::pair<std::string_view, std::string>> out;
  for (size_t i = 0; i < groups.size() && !fields.empty(); ++i) {
    const size_t end = std::min(fields.find(','), fields.size());
    if (!groups[i].empty() && end > 0) out.emplace_back(fields.substr(0, end), groups[i]);
    fields.remove_prefix(std::min(end + 1, fields.size()));
  }
  return out;
}

}  // namespace fencewatch
