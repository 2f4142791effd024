// What holds for every collector, whatever the files say: what is broken is refused with its place, only harmless files are read, and a
// scrape in the steady state allocates nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>

#include "tests/unit/allocations.h"
#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

namespace fencewatch {
namespace {

using test::MemoryNode;
using test::rendered;
using test::Run;

// Collects once and checks that what was said about a fault is of use. True when it was collected.
bool check_outcome(Run& run, const MemoryNode& node, const std::string& changed) {
  const Status status = run.collect(node);
  if (status) return true;
  CAPTURE(name(status.code));
  CAPTURE(status.text);
  CHECK(status.file == changed);
  CHECK((status.code == Code::malformed || status.code == Code::missing || status.code == Code::limit));
  if (status.code == Code::malformed) {
    CHECK(status.line > 0);
    CHECK(!status.text.empty());
  }
  return false;
}

// Every length for a small file; for a large one every line's end, the byte before it, and a prime stride.
std::vector<size_t> prefixes(std::string_view text) {
  constexpr size_t small = 2500, most_lines = 1000;
  std::vector<size_t> lengths;
  const size_t lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  const size_t every = 1 + lines / most_lines;
  size_t line = 0;
  for (size_t n = 0; n < text.size(); ++n) {
    const bool line_end = n > 0 && text[n - 1] == '\n' && ++line % every == 0;
    const bool before = text[n] == '\n' && (line + 1) % every == 0;
    if (text.size() <= small || line_end || before || n % 97 == 0) lengths.push_back(n);
  }
  return lengths;
}

// Files that a test may change: read by the collector, and not only looked for.
std::vector<std::string> files_read(const MemoryNode& node) {
  std::vector<std::string> read;
  for (const std::string& path : node.asked)
    if (node.files.contains(path)) read.push_back(path);
  return read;
}

bool has_histograms(const Spec& spec) {
  return std::ranges::any_of(spec.families, [](const Family& family) { return family.type == Type::histogram; });
}

}  // namespace

TEST_SUITE("contract") {
  TEST_CASE("a file cut off anywhere is refused with its place, and the collector heals") {
    for (const Spec* spec : all_collectors()) {
      for (const std::string& tree : test::trees()) {
        Run run(*spec);
        MemoryNode node(tree);
        if (!run.collect(node)) continue;
        const std::string whole = rendered(run.page);
        const std::vector<std::string> read = files_read(node);
        node.asked.clear();
        REQUIRE(run.collect(node));
        const auto asked_again = node.asked;
        for (const std::string& path : read) {
          const std::string text = node.files[path];
          CAPTURE(spec->name);
          CAPTURE(tree);
          CAPTURE(path);
          const bool once = !asked_again.contains(path);
          for (const size_t length : prefixes(text)) {
            CAPTURE(length);
            node.files[path] = text.substr(0, length);
            std::optional<Run> fresh;  // for what is read once in a collector's life
            const bool collected = check_outcome(once ? fresh.emplace(*spec) : run, node, path);
            const bool inside_a_line = length > 0 && text[length - 1] != '\n';
            if (inside_a_line) CHECK(!collected);
          }
          node.files[path] = text;
          CHECK(run.collect(node));
          CHECK(rendered(run.page) == whole);
        }
      }
    }
  }

  TEST_CASE("no bytes bring a collector down") {
    std::mt19937 random(4711);
    const auto byte = [&random] { return static_cast<char>(random() & 0xff); };
    for (const Spec* spec : all_collectors()) {
      Run run(*spec);
      MemoryNode node("kernel/linux-6.1-pressure");
      const Status good = run.collect(node);
      if (good.code == Code::missing) continue;  // corosync is not in the tree
      REQUIRE(good);
      const std::string whole = rendered(run.page);
      for (const std::string& path : files_read(node)) {
        CAPTURE(spec->name);
        CAPTURE(path);
        const std::string text = node.files[path];
        const auto attempt = [&](std::string changed) {
          node.files[path] = std::move(changed);
          CHECK_NOTHROW((void)run.collect(node));
          CHECK_NOTHROW((void)run.collector->sample(node, std::chrono::milliseconds(250)));
        };
        for (const size_t size : {1, 16, 4096, 100000}) {
          std::string garbage(size, '\0');
          attempt(garbage);
          garbage.back() = '\n';
          attempt(garbage);
          std::generate(garbage.begin(), garbage.end(), byte);
          attempt(garbage + "\n");
        }
        for (int i = 0; i < 300; ++i) {
          std::string changed = text;
          for (int n = 0; n < 3; ++n)
            changed[random() % changed.size()] = i % 3 == 0 ? '\0' : i % 3 == 1 ? byte() : "-9 \n{,:"[random() % 7];
          attempt(std::move(changed));
        }
        node.files[path] = text;
      }
      Run fresh(*spec);
      CHECK(fresh.collect(node));
      CHECK(rendered(fresh.page) == whole);
    }
  }

  TEST_CASE("a file that is not there is missing, not broken") {
    for (const Spec* spec : all_collectors()) {
      CAPTURE(spec->name);
      Run run(*spec);
      MemoryNode node("kernel/linux-6.1-healthy");
      node.files.clear();
      const Status status = run.collect(node);
      if (status) continue;
      CHECK(status.code == Code::missing);
      CHECK(!status.file.empty());
    }
  }

  TEST_CASE("a collector asks for what its Spec says, and for nothing harmful") {
    // lowmem_reserve_ratio recomputes the reserves when read (mm/page_alloc.c), pagetypeinfo takes the zone locks for
    // milliseconds, slabinfo the slab mutex.
    constexpr std::string_view harmful[] = {"proc/sys/vm/lowmem_reserve_ratio", "proc/pagetypeinfo", "proc/slabinfo"};
    for (const Spec* spec : all_collectors()) {
      CAPTURE(spec->name);
      for (const std::string_view path : harmful) CHECK_FALSE(test::may_read(spec->reads, path));
      std::set<std::string, std::less<>> asked;
      for (const std::string& tree : test::trees()) {
        Run run(*spec);
        const MemoryNode node(tree);
        (void)run.collect(node);
        (void)run.collector->sample(node, std::chrono::milliseconds(250));
        asked.insert(node.asked.begin(), node.asked.end());
      }
      for (const std::string& path : asked) {
        CAPTURE(path);
        CHECK_MESSAGE(test::may_read(spec->reads, path), "add it to .reads of the Spec");
      }
    }
  }

  TEST_CASE("a warm collector allocates nothing") {
    for (const Spec* spec : all_collectors()) {
      for (const std::string& tree : test::trees()) {
        CAPTURE(spec->name);
        CAPTURE(tree);
        Run run(*spec);
        if (run.collector->counts() != nullptr && has_histograms(*spec)) continue;  // prometheus-cpp copies their buckets to tell them
        const MemoryNode node(tree);
        if (!run.collect(node)) continue;
        (void)run.collector->sample(node, std::chrono::milliseconds(250));
        (void)run.collect(node);
        const auto before = test::allocations();
        const Status collected = run.collect(node);
        const Status sampled = run.collector->sample(node, std::chrono::milliseconds(250));
        const auto after = test::allocations();
        CHECK(collected);
        CHECK(sampled);
        CHECK(after == before);
      }
    }
  }
}

}  // namespace fencewatch
