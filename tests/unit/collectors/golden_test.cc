// What every collector makes of every fixture tree, byte by byte. UPDATE_GOLDEN=1 writes what it makes now.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "tests/unit/trees.h"

namespace fencewatch {
namespace {

std::string text_of(const Status& status, const Page& page, Format format) {
  if (status.code == Code::missing) return "# missing: " + std::string(status.file) + "\n";
  Bytes out;
  page.render(format, out);
  Page::finish(format, out);
  return std::string(out.view());
}

// Collected after two samples 250 ms apart, so that what is measured between scrapes is seen as well.
std::string collected(const Spec& spec, const std::string& tree, Format format) {
  const std::string root = std::string(FIXTURES) + "/" + tree;
  Status opened;  // a tree need not have a sys
  const auto node = open_node({root + "/proc", root + "/sys", root}, opened);
  REQUIRE(node);
  const Settings config;
  const auto collector = spec.make(config);
  if (spec.sample_every.count() > 0) {
    (void)collector->sample(*node, std::chrono::nanoseconds(0));
    (void)collector->sample(*node, std::chrono::milliseconds(250));
  }
  Page page;
  const Status status = collector->collect(*node, page);
  const bool expected_outcome = status.code == Code::ok || status.code == Code::missing;
  CHECK_MESSAGE(expected_outcome, name(status.code), " ", status.file, ":", status.line, " ", status.text);
  return text_of(status, page, format);
}

// What reads no file, but hears of lines alone, is the same on every tree.
bool reads_files(const Spec& spec) {
  const test::MemoryNode node(test::trees().front());
  Page page;
  (void)spec.make(Settings{})->collect(node, page);
  return !node.asked.empty();
}

std::string line_around(const std::string& text, ptrdiff_t at) {
  const size_t start = at == 0 ? 0 : text.rfind('\n', static_cast<size_t>(at) - 1) + 1;
  return text.substr(start, text.find('\n', static_cast<size_t>(at)) - start);
}

void compare(const std::string& file, const std::string& now) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << now;
    return;
  }
  CAPTURE(file);
  REQUIRE_MESSAGE(std::filesystem::exists(file), "UPDATE_GOLDEN=1 writes it");
  const std::string expected = test::slurp(file);
  if (expected == now) return;
  const auto [theirs, ours] = std::mismatch(expected.begin(), expected.end(), now.begin(), now.end());
  const size_t line = 1 + static_cast<size_t>(std::count(expected.begin(), theirs, '\n'));
  FAIL_CHECK("line ", line, " is no longer \"", line_around(expected, theirs - expected.begin()), "\" but \"",
             line_around(now, ours - now.begin()), "\"");
}

}  // namespace

TEST_SUITE("golden") {
  TEST_CASE("every collector on every tree") {
    for (const Spec* spec : all_collectors()) {
      const std::vector<std::string> trees = reads_files(*spec) ? test::trees() : std::vector{test::trees().front()};
      for (const std::string& tree : trees) {
        CAPTURE(spec->name);
        CAPTURE(tree);
        const std::string file = std::string(FIXTURES) + "/" + tree + "/expected/" + std::string(spec->name) + ".prom";
        compare(file, collected(*spec, tree, Format::text));
      }
    }
  }

  TEST_CASE("every golden file is that of a collector") {
    std::set<std::string> names;
    for (const Spec* spec : all_collectors()) names.emplace(spec->name);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(FIXTURES)) {
      if (entry.path().parent_path().filename() != "expected") continue;
      CAPTURE(entry.path().string());
      CHECK(names.contains(entry.path().stem().string()));
    }
  }

  TEST_CASE("every collector as OpenMetrics") {
    const std::string tree = "kernel/linux-6.1-miscount";
    for (const Spec* spec : all_collectors()) {
      CAPTURE(spec->name);
      const std::string file = std::string(FIXTURES) + "/" + tree + "/expected/" + std::string(spec->name) + ".openmetrics";
      compare(file, collected(*spec, tree, Format::openmetrics));
    }
  }
}

}  // namespace fencewatch
