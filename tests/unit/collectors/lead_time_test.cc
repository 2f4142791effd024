// What the collectors make of nodes that ran out of memory while they were recorded, twice a second: what a scrape at any second would have
// said is kept in tests/fixtures/lead-time/said/, of which tests/alerts makes rule tests. UPDATE_GOLDEN=1 writes what it would say now.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "exporter/collect/recent_increase.h"
#include "tests/unit/collected.h"
#include "tests/unit/trees.h"

namespace fencewatch {
extern const Spec oom, reclaim, zone;

namespace {

using Row = std::map<std::string, std::string>;
using std::chrono::nanoseconds;

const std::string kRuns = std::string(FIXTURES) + "/lead-time/";

std::string short_number(double value) {
  char text[32];
  return {text, std::to_chars(text, std::end(text), std::round(value * 1000) / 1000).ptr};
}

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) out.push_back(cell);
  return out;
}

std::vector<Row> rows_of(const std::string& run) {
  std::istringstream stream(test::slurp(kRuns + run + ".csv"));
  std::string line;
  std::getline(stream, line);
  const auto names = cells(line);
  std::vector<Row> rows;
  while (std::getline(stream, line)) {
    const auto values = cells(line);
    REQUIRE(values.size() == names.size());
    Row& row = rows.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) row[names[i]] = values[i];
  }
  return rows;
}

// The run's zoneinfo with the numbers of the row in it.
std::string zoneinfo_of(const std::string& layout, const Row& row) {
  std::istringstream stream(layout);
  std::string text, zone;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string word, key;
    words >> word >> key;
    if (word == "Node") {
      std::string name;
      words >> word >> name;
      zone = "node" + key.substr(0, 1) + "_" + name;
    } else if (const auto value = row.find(zone + "_" + (word == "pages" ? key : word)); value != row.end()) {
      line = line.substr(0, 13) + "  " + value->second;
    }
    text += line + "\n";
  }
  return text;
}

std::string vmstat_of(const Row& row) {
  std::string text;
  for (const auto& [name, value] : row)
    if (name.find("allocstall") == 0 || name.find("kswapd") == 0 || name == "pageoutrun" || name == "oom_kill")
      text += name + " " + value + "\n";
  return text;
}

class Replay {
 public:
  explicit Replay(const std::string& run) : layout_(test::slurp(kRuns + run + ".zoneinfo")), rows_(rows_of(run)) {
    node_.files = {{"proc/sys/vm/min_free_kbytes", "90112\n"},
                   {"proc/sys/vm/watermark_scale_factor", "10\n"},
                   {"proc/sys/kernel/osrelease", "6.1.0-56-cloud-amd64\n"}};
  }

  // said(seconds, answered, samples and recent increases), at every second row.
  template <class Said>
  void run(Said said) {
    double before = std::stod(rows_.front()["time"]);
    const double start = before;
    for (size_t i = 0; i < rows_.size(); ++i) {
      Row& row = rows_[i];
      const double now = std::stod(row["time"]);
      node_.files["proc/zoneinfo"] = zoneinfo_of(layout_, row);
      node_.files["proc/vmstat"] = vmstat_of(row);
      REQUIRE(zone_->sample(node_, nanoseconds(static_cast<int64_t>((now - before) * 1e9))));
      before = now;
      if (i % 2 == 0) said(now, row["answered"], scrape(now - start));
    }
  }

 private:
  std::map<std::string, std::string> scrape(double seconds) {
    std::map<std::string, std::string> values;
    const RecentIncrease::Clock::time_point at{nanoseconds(static_cast<int64_t>((1e6 + seconds) * 1e9))};
    for (size_t i = 0; i < collectors_.size(); ++i) {
      Page page;
      REQUIRE(collectors_[i]->collect(node_, page));
      for (const CounterValue& counter : page.recent()) recent_[i].see(counter, at);
      recent_[i].each(at, [&](std::string_view counter, double value) { values[std::string(counter)] = short_number(value); });
      std::istringstream samples(test::samples(page));
      for (std::string line; std::getline(samples, line);)
        for (const char* name :
             {"fencewatch_memory_seconds_to_min", "fencewatch_zones_phantom_pages", "fencewatch_zones_watermark_honoured_ratio_min"})
          if (line.starts_with(std::string(name) + " ")) values[name] = short_number(std::stod(line.substr(line.find(' '))));
    }
    return values;
  }

  const std::string layout_;
  std::vector<Row> rows_;
  test::MemoryNode node_;
  const Settings settings_;
  std::vector<std::unique_ptr<Collector>> collectors_ = made();
  Collector* const zone_ = collectors_.front().get();
  std::array<RecentIncrease, 3> recent_;

  std::vector<std::unique_ptr<Collector>> made() const {
    std::vector<std::unique_ptr<Collector>> out;
    for (const Spec* spec : {&zone, &reclaim, &oom}) out.push_back(spec->make(settings_));
    return out;
  }
};

}  // namespace

TEST_SUITE("lead time") {
  TEST_CASE("what a scrape at any second says of a node that runs out of memory") {
    for (const std::string run : {"miscounted", "miscounted-realtime", "miscounted-reserve", "healthy", "healthy-realtime"}) {
      CAPTURE(run);
      std::string told;
      Replay(run).run([&](double now, const std::string& answered, const auto& values) {
        told += short_number(now) + " answered=" + answered;
        for (const auto& [name, value] : values) told += " " + name + "=" + value;
        told += "\n";
      });
      const std::string file = kRuns + "said/" + run + ".txt";
      if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(file) << told;
      CHECK(test::slurp(file) == told);
    }
  }

  // Told at a scrape, and true within a factor of two: memory met the expected min between half and twice the time that was told.
  TEST_CASE("the forecast on wrong watermarks, and none on right ones") {
    for (const std::string run : {"miscounted", "miscounted-realtime", "miscounted-reserve"}) {
      CAPTURE(run);
      std::vector<std::pair<double, double>> told;
      double met = 0;
      Replay(run).run([&](double now, const std::string&, const auto& values) {
        const auto seconds = values.find("fencewatch_memory_seconds_to_min");
        if (met == 0 && seconds != values.end()) told.emplace_back(now, std::stod(seconds->second));
        if (met == 0 && values.contains("zones_short_seconds")) met = now;
      });
      const auto right = std::count_if(told.begin(), told.end(), [&](const auto& at) {
        const double truth = met - at.first;
        return truth >= at.second / 2 && truth <= at.second * 2;
      });
      MESSAGE(run, ": ", right, " of ", told.size(), " forecasts within a factor of two");
      CHECK(told.size() > 40);
      CHECK(static_cast<double>(right) > 0.85 * static_cast<double>(told.size()));
    }
    for (const std::string run : {"healthy", "healthy-realtime"})
      Replay(run).run(
          [&](double, const std::string&, const auto& values) { CHECK_FALSE(values.contains("fencewatch_memory_seconds_to_min")); });
  }
}

}  // namespace fencewatch
