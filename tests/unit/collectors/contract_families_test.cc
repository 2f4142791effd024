// What holds for every family, whoever writes it: names and labels are a promise.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "exporter/collect/runner.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/reader.h"
#include "exporter/web/door.h"
#include "exporter/web/server.h"
#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

namespace fencewatch {
namespace {

using test::MemoryNode;
using test::Run;

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
  for (const Family& family : LogReader::families()) all.push_back(&family);
  for (const Family& family : Server::families()) all.push_back(&family);
  for (const Family& family : Door::families()) all.push_back(&family);
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

std::string_view base_name(std::string_view sample, const Family& family) {
  if (family.type != Type::histogram) return sample;
  for (const std::string_view suffix : {"_bucket", "_sum", "_count"})
    if (sample.size() == family.name.size() + suffix.size() && sample.ends_with(suffix)) return family.name;
  return sample;
}

const std::set<std::string_view> kNotBaseUnits = {
    "ticks", "jiffies", "milliseconds", "millis", "ms",  "microseconds", "us",        "nanoseconds", "ns",      "minutes", "hours",
    "days",  "kb",      "kib",          "mb",     "mib", "gib",          "kilobytes", "megabytes",   "percent", "pct"};

// The paths that a text names, below the node: "/proc/vmstat" is proc/vmstat.
std::vector<std::string> paths_of(std::string_view help) {
  std::vector<std::string> paths;
  for (const std::string& word : split(help, ' ')) {
    for (const std::string_view root : {"/proc/", "/sys/", "/etc/", "/var/", "/run/"}) {
      const size_t at = word.find(root);
      if (at == std::string::npos) continue;
      std::string path = word.substr(at + 1);
      path.resize(std::min(path.find_first_of(",;:(){"), path.size()));
      while (path.ends_with('.')) path.pop_back();
      paths.push_back(std::move(path));
      break;
    }
  }
  return paths;
}

bool is_log(std::string_view path) { return path.starts_with("var/log/") || path.starts_with("dev/"); }

// A directory of what is read, or "proc/pressure/*", or "proc/PID/stat", where the Spec has another name for what varies.
bool stands_for_one(const std::string& path, std::span<const std::string_view> reads) {
  std::string pattern = path;
  if (const size_t pid = pattern.find("PID"); pid != pattern.npos) pattern.replace(pid, 3, "*");
  const std::string_view one[] = {pattern};
  return std::ranges::any_of(reads, [&](std::string_view read) { return read.starts_with(pattern) || test::may_read(one, read); });
}

// What logs tell, told: one line of each kind.
void hear_examples(Collector& collector) {
  Collector* const all[] = {&collector};
  Matcher matcher(all);
  for (const Pattern& pattern : collector.patterns()) {
    const Line line{pattern.channel, pattern.example, name(pattern.channel), 1'795'000'000'000'000};
    matcher.find(line);
    matcher.tell(line);
  }
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
      // Base units: seconds, bytes, ratios; pages are the kernel's own count (METRICS.md).
      for (const std::string& part : split(family->name, '_')) {
        CAPTURE(part);
        CHECK_MESSAGE(!kNotBaseUnits.contains(part), "a unit that is not a base unit");
      }
    }
  }

  TEST_CASE("help is a sentence and collectors name the source") {
    for (const Family* family : declared()) {
      CAPTURE(family->name);
      CHECK(family->help.ends_with("."));
      CHECK(family->help.find('\n') == std::string_view::npos);
    }
    constexpr std::string_view sources[] = {"/proc", "/sys", "/etc", "/var", "/run", "libcmap", "libvotequorum", "'s log"};
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

  TEST_CASE("help names files that the collector reads") {
    for (const Spec* spec : all_collectors()) {
      for (const Family& family : spec->families) {
        for (const std::string& path : paths_of(family.help)) {
          CAPTURE(family.name);
          CAPTURE(path);
          // What it hears of is in the logs, which the collector does not read itself.
          CHECK_MESSAGE((is_log(path) || test::may_read(spec->reads, path) || stands_for_one(path, spec->reads)),
                        "HELP names what is not in .reads");
        }
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
    // Corosync's are those of a running one: corosync_live_test.cc.
    std::set<std::string_view> not_in_fixtures = {
        "fencewatch_previous_boot_clean",   // boot_test.cc
        "fencewatch_previous_boot_events",  // boot_test.cc
        "fencewatch_previous_boot_unclean_timestamp_seconds",
        "fencewatch_oom_kills_by_workload_total",  // oom_events_test.cc
        "fencewatch_memory_seconds_to_min",        // shortage_test.cc
    };
    for (const Spec* spec : all_collectors())
      for (const Family& family : spec->families)
        if (spec->name == "corosync_live") not_in_fixtures.insert(family.name);
    std::set<std::string_view> emitted;
    for (const Spec* spec : all_collectors()) {
      for (const std::string& tree : test::trees()) {
        CAPTURE(spec->name);
        CAPTURE(tree);
        Run run(*spec);
        const MemoryNode node(tree);
        (void)run.collector->sample(node, std::chrono::nanoseconds(0));
        (void)run.collector->sample(node, std::chrono::milliseconds(250));
        hear_examples(*run.collector);
        if (!run.collect(node)) continue;
        std::set<std::string> series;
        const Family* const first = spec->families.data();
        for (const Family* family : run.page.families()) CHECK((family >= first && family < first + spec->families.size()));
        for (const std::string& line : split(test::samples(run.page), '\n')) {
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
}

}  // namespace fencewatch
