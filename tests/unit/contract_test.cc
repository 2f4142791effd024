// What holds for every collector and for every family, whoever writes it. DESIGN: parsers refuse what is broken and say where,
// names and labels are a promise, a scrape in the steady state allocates nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "allocations.h"
#include "exporter/collector.h"
#include "exporter/config.h"
#include "exporter/runner.h"
#include "exporter/server.h"
#include "trees.h"

namespace fencewatch {
namespace {

using test::MemoryNode;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::vector<const Family*> declared() {
  std::vector<const Family*> all;
  for (const Spec* spec : all_collectors())
    for (const Family& family : spec->families) all.push_back(&family);
  for (const Family& family : Runner::families()) all.push_back(&family);
  for (const Family& family : Server::families()) all.push_back(&family);
  return all;
}

// One line of the exposition: its name and its label names in order.
struct Sample {
  std::string name;
  std::vector<std::string> labels;
};

Sample sample_of(std::string_view line) {
  const size_t brace = line.find('{');
  if (brace == std::string_view::npos || line.find(' ') < brace) return {std::string(line.substr(0, line.find(' '))), {}};
  Sample sample{std::string(line.substr(0, brace)), {}};
  for (size_t at = brace + 1; at < line.size() && line[at] != '}';) {
    const size_t equals = line.find('=', at);
    sample.labels.emplace_back(line.substr(at, equals - at));
    at = equals + 2;
    while (at < line.size() && line[at] != '"') at += line[at] == '\\' ? 2 : 1;
    if (at + 1 < line.size() && line[at + 1] == ',') ++at;
    ++at;
  }
  return sample;
}

std::string rendered(const Page& page) {
  Bytes out;
  page.render(Format::text, out);
  return std::string(out.view());
}

std::vector<std::string> sample_lines(const Page& page) {
  std::vector<std::string> lines = split(rendered(page), '\n');
  std::erase_if(lines, [](const std::string& line) { return line.empty() || line[0] == '#'; });
  return lines;
}

std::string_view base_name(std::string_view sample, const Family& family) {
  if (family.type != Type::histogram) return sample;
  for (const std::string_view suffix : {"_bucket", "_sum", "_count"})
    if (sample.size() == family.name.size() + suffix.size() && sample.ends_with(suffix)) return family.name;
  return sample;
}

struct Run {
  explicit Run(const Spec& spec) : collector(spec.make(config)) {}
  Status collect(const Node& node) {
    page.clear();
    return collector->collect(node, page);
  }
  Config config;
  std::unique_ptr<Collector> collector;
  Page page;
};

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

}  // namespace

TEST_SUITE("contract") {
  TEST_CASE("names are unique and speak Prometheus") {
    std::set<std::string_view> seen;
    for (const Family* family : declared()) {
      CAPTURE(family->name);
      CHECK(seen.insert(family->name).second);
      CHECK((family->name.starts_with("fencewatch_") || family->name.starts_with("process_")));
      CHECK(std::all_of(family->name.begin(), family->name.end(),
                        [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }));
      CHECK(family->name.ends_with("_total") == (family->type == Type::counter));
      for (const std::string_view reserved : {"_count", "_sum", "_bucket", "_created"}) CHECK(!family->name.ends_with(reserved));
    }
  }

  TEST_CASE("help is a sentence and collectors name the source") {
    for (const Family* family : declared()) {
      CAPTURE(family->name);
      CHECK(family->help.ends_with("."));
      CHECK(family->help.find('\n') == std::string_view::npos);
    }
    constexpr std::string_view sources[] = {"/proc", "/sys", "/etc", "/var", "/run"};
    for (const Spec* spec : all_collectors()) {
      CHECK(!spec->summary.empty());
      for (const Family& family : spec->families) {
        CAPTURE(family.name);
        CAPTURE(family.help);
        CHECK(std::any_of(std::begin(sources), std::end(sources),
                          [&](std::string_view source) { return family.help.find(source) != std::string_view::npos; }));
      }
    }
  }

  TEST_CASE("labels do not collide with those of a scrape") {
    const std::set<std::string> taken = {"node", "instance", "job", "cluster", "le", "quantile", ""};
    for (const Family* family : declared()) {
      CAPTURE(family->name);
      std::set<std::string> labels;
      for (const std::string& label : split(family->labels, ',')) {
        CAPTURE(label);
        CHECK((!taken.contains(label) || (label == "le" && family->type == Type::histogram)));
        CHECK(label.find(' ') == std::string::npos);
        CHECK(labels.insert(label).second);
      }
    }
  }

  TEST_CASE("everything emitted is declared, everything declared is emitted") {
    // What no recorded tree can show: remove a line once one does.
    const std::set<std::string_view> not_in_fixtures = {
        "fencewatch_previous_boot_clean",  // boot_test.cc
    };
    std::set<std::string_view> emitted;
    for (const Spec* spec : all_collectors()) {
      for (const std::string& tree : test::trees()) {
        CAPTURE(spec->name);
        CAPTURE(tree);
        Run run(*spec);
        const MemoryNode node(tree);
        (void)run.collector->sample(node, std::chrono::nanoseconds(0));
        (void)run.collector->sample(node, std::chrono::milliseconds(250));
        if (!run.collect(node)) continue;
        std::set<std::string> series;
        const Family* const first = spec->families.data();
        for (const Family* family : run.page.families()) CHECK((family >= first && family < first + spec->families.size()));
        for (const std::string& line : sample_lines(run.page)) {
          CAPTURE(line);
          const Sample sample = sample_of(line);
          const auto family = std::find_if(spec->families.begin(), spec->families.end(),
                                           [&](const Family& f) { return base_name(sample.name, f) == f.name; });
          REQUIRE(family != spec->families.end());
          emitted.insert(family->name);
          std::vector<std::string> labels = sample.labels;
          std::vector<std::string> expected = split(family->labels, ',');
          std::erase(labels, "le");
          std::erase(expected, "le");
          CHECK(labels == expected);
          CHECK(series.insert(line.substr(0, line.rfind(' '))).second);
        }
      }
    }
    for (const Spec* spec : all_collectors()) {
      for (const Family& family : spec->families) {
        CAPTURE(family.name);
        CHECK(emitted.contains(family.name) != not_in_fixtures.contains(family.name));
      }
    }
  }

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
      REQUIRE(run.collect(node));
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

  TEST_CASE("only cheap and harmless files are read") {
    // lowmem_reserve_ratio recomputes the reserves when read (mm/page_alloc.c), pagetypeinfo takes the zone locks for
    // milliseconds, slabinfo the slab mutex.
    const std::set<std::string_view> allowed = {
        "proc/zoneinfo",
        "proc/vmstat",
        "proc/buddyinfo",
        "proc/stat",
        "proc/version",
        "proc/pressure/cpu",
        "proc/pressure/io",
        "proc/pressure/memory",
        "proc/pressure/irq",
        "proc/sys/kernel/osrelease",
        "proc/sys/vm/min_free_kbytes",
        "proc/sys/vm/watermark_scale_factor",
        "sys/class/dmi/id/sys_vendor",
        "sys/class/dmi/id/product_name",
        "sys/firmware/devicetree/base/model",
        "var/log/wtmp",
        "var/log/wtmp.1",
    };
    for (const Spec* spec : all_collectors()) {
      for (const std::string& tree : test::trees()) {
        Run run(*spec);
        const MemoryNode node(tree);
        (void)run.collect(node);
        (void)run.collector->sample(node, std::chrono::milliseconds(250));
        for (const std::string& path : node.asked) {
          CAPTURE(spec->name);
          CAPTURE(path);
          CHECK(allowed.contains(path));
        }
      }
    }
  }

  TEST_CASE("a warm collector allocates nothing") {
    for (const Spec* spec : all_collectors()) {
      for (const std::string& tree : test::trees()) {
        CAPTURE(spec->name);
        CAPTURE(tree);
        Run run(*spec);
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
