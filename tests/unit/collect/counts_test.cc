#include "exporter/collect/counts.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "exporter/collect/saved_series.h"

using namespace fencewatch;

namespace {

enum { kEvents, kLast, kDelay, kPlain };
constexpr Family kFamilies[] = {
    {"x_events_total", Type::counter, "Events, from the log.", "host,kind"},
    {"x_last_timestamp_seconds", Type::gauge, "Last one, from the log.", "kind"},
    {"x_delay_seconds", Type::histogram, "Delays, from the log.", ""},
    {"x_plain_total", Type::counter, "Others, from the log.", ""},
};

std::string shown(const Counts& counts) {
  Page page;
  counts.write(page);
  Bytes out;
  page.render(Format::text, out);
  std::string lines;
  std::string_view rest = out.view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    if (!line.starts_with('#')) lines += line;
    rest.remove_prefix(line.size());
  }
  return lines;
}

std::vector<std::string> saved(const Counts& counts) {
  std::vector<std::string> lines;
  counts.save([&](std::string_view line) { lines.emplace_back(line); });
  std::sort(lines.begin(), lines.end());  // the registry knows no order
  return lines;
}

Counts& filled(Counts& counts) {
  counts.counter(kFamilies[kEvents], {{"host", "a"}, {"kind", "up"}}).Increment(3);
  counts.counter(kFamilies[kEvents], {{"host", "a"}, {"kind", "down"}});
  counts.counter(kFamilies[kPlain]).Increment(9007199254740991.0);
  counts.gauge(kFamilies[kLast], {{"kind", "up"}}).Set(1763885000.5);
  for (const double delay : {0.5, 1.0, 7.25, 1000.0}) counts.histogram(kFamilies[kDelay]).Observe(delay);
  return counts;
}

}  // namespace

TEST_CASE("counts: what is asked for is there at 0 and is the same when asked again") {
  Counts counts(kFamilies, {1, 5});
  prometheus::Counter& counter = counts.counter(kFamilies[kEvents], {{"host", "a"}, {"kind", "up"}});
  CHECK(shown(counts) == "x_events_total{host=\"a\",kind=\"up\"} 0\n");
  counter.Increment();
  CHECK(&counts.counter(kFamilies[kEvents], {{"host", "a"}, {"kind", "up"}}) == &counter);
  CHECK(shown(counts) == "x_events_total{host=\"a\",kind=\"up\"} 1\n");
}

TEST_CASE("counts: what was saved is shown again, series at 0 as well") {
  Counts before(kFamilies, {1, 5, 10});
  filled(before);
  Counts after(kFamilies, {1, 5, 10});
  const std::vector<std::string> lines = saved(before);
  CHECK(lines.size() == 5);
  for (const std::string& line : lines) {
    CAPTURE(line);
    CHECK(after.restore(line));
  }
  CHECK(shown(after) == shown(before));
  CHECK(saved(after) == lines);
  CHECK(saved(Counts(kFamilies)).empty());
}

TEST_CASE("counts: the lines of the state file") {
  Counts counts(kFamilies, {1, 5, 10});
  CHECK(saved(filled(counts)) == std::vector<std::string>{
                                     "x_delay_seconds 1008.75 1:2 10:1 inf:1",
                                     "x_events_total{host=\"a\",kind=\"down\"} 0",
                                     "x_events_total{host=\"a\",kind=\"up\"} 3",
                                     "x_last_timestamp_seconds{kind=\"up\"} 1763885000.5",
                                     "x_plain_total 9007199254740991",
                                 });
}

TEST_CASE("counts: any label value comes back, on one line") {
  for (const std::string value :
       {"", "plain", "a\"b", "a\\b", "a\\nb", "line\nline", "\\", "\"", "},{=\",", "\xff\xfe", "\xe9\x93\xb6", "a b"}) {
    CAPTURE(value);
    Counts before(kFamilies), after(kFamilies);
    before.counter(kFamilies[kEvents], {{"host", value}, {"kind", "\\\"\n"}}).Increment();
    const std::vector<std::string> lines = saved(before);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find('\n') == std::string::npos);
    CHECK(after.restore(lines[0]));
    CHECK(after.counter(kFamilies[kEvents], {{"host", value}, {"kind", "\\\"\n"}}).Value() == 1);
  }
}

TEST_CASE("counts: restored is added to what was counted since, of gauges the larger stays") {
  Counts counts(kFamilies, {1});
  counts.counter(kFamilies[kPlain]).Increment(2);
  counts.gauge(kFamilies[kLast], {{"kind", "up"}}).Set(50);
  counts.histogram(kFamilies[kDelay]).Observe(3);
  CHECK(counts.restore("x_plain_total 5"));
  CHECK(counts.restore("x_last_timestamp_seconds{kind=\"up\"} 40"));
  CHECK(counts.gauge(kFamilies[kLast], {{"kind", "up"}}).Value() == 50);
  CHECK(counts.restore("x_last_timestamp_seconds{kind=\"up\"} 60"));
  CHECK(counts.restore("x_delay_seconds 0.5 1:1"));
  CHECK(shown(counts) ==
        "x_plain_total 7\nx_last_timestamp_seconds{kind=\"up\"} 60\n"
        "x_delay_seconds_bucket{le=\"1.0\"} 1\nx_delay_seconds_bucket{le=\"+Inf\"} 2\nx_delay_seconds_sum 3.5\nx_delay_seconds_count 2\n");
}

TEST_CASE("counts: with other buckets than those saved, none is lost and none made smaller") {
  Counts counts(kFamilies, {2, 8});
  CHECK(counts.restore("x_delay_seconds 1008.75 1:2 2:1 5:4 10:1 inf:1"));
  CHECK(shown(counts) ==
        "x_delay_seconds_bucket{le=\"2.0\"} 3\nx_delay_seconds_bucket{le=\"8.0\"} 7\nx_delay_seconds_bucket{le=\"+Inf\"} 9\n"
        "x_delay_seconds_sum 1008.75\nx_delay_seconds_count 9\n");
}

TEST_CASE("counts: a histogram may have buckets of its own") {
  Counts counts(kFamilies, {1, 2, 3});
  counts.buckets(kFamilies[kDelay], {100});
  counts.histogram(kFamilies[kDelay]).Observe(50);
  CHECK(counts.restore("x_delay_seconds 200 inf:1"));
  CHECK(
      shown(counts) ==
      "x_delay_seconds_bucket{le=\"100.0\"} 1\nx_delay_seconds_bucket{le=\"+Inf\"} 2\nx_delay_seconds_sum 250\nx_delay_seconds_count 2\n");
}

TEST_CASE("counts: a line that was repeated is observed as often") {
  Counts counts(kFamilies, {2, 8});
  counts.observe(kFamilies[kDelay], {}, 2, 3);
  counts.observe(kFamilies[kDelay], {}, 8.5, 4000000000);
  CHECK(shown(counts) ==
        "x_delay_seconds_bucket{le=\"2.0\"} 3\nx_delay_seconds_bucket{le=\"8.0\"} 3\nx_delay_seconds_bucket{le=\"+Inf\"} 4000000003\n"
        "x_delay_seconds_sum 34000000006\nx_delay_seconds_count 4000000003\n");
}

TEST_CASE("counts: a histogram at 0 is known again") {
  Counts before(kFamilies, {2}), after(kFamilies, {2});
  before.histogram(kFamilies[kDelay]);
  const std::vector<std::string> lines = saved(before);
  REQUIRE(lines == std::vector<std::string>{"x_delay_seconds 0"});
  CHECK(after.restore(lines[0]));
  CHECK(shown(after) == shown(before));
}

TEST_CASE("counts: lines that are damaged or not of this version change nothing") {
  Counts counts(kFamilies, {1, 5});
  for (const std::string_view line : {
           "",
           " ",
           "x_plain_total",
           "x_plain_total ",
           "x_plain_total  1",
           "x_plain_total 1 ",
           "x_plain_total -1",
           "x_plain_total nan",
           "x_plain_total inf",
           "x_plain_total 1e999",
           "x_plain_total +1",
           "x_plain_total 0x10",
           "x_plain_total 1 1:1",
           "x_plain_total{} 1",
           "x_plain_total{host=\"a\"} 1",
           "x_gone_total 1",
           "x_plain 1",
           "x_events_total 1",
           "x_events_total{host=\"a\"} 1",
           "x_events_total{host=\"a\",kind=\"b\",c=\"d\"} 1",
           "x_events_total{host=\"a\",host=\"b\"} 1",
           "x_events_total{host=\"a\",host=\"b\",kind=\"c\"} 1",
           "x_events_total{host=\"a\",other=\"b\"} 1",
           "x_events_total{host=\"a\",kind=\"b} 1",
           "x_events_total{host=\"a\",kind=\"b\" 1",
           "x_events_total{host=\"a\",kind=\"b\",} 1",
           "x_events_total{host=\"a\"kind=\"b\"} 1",
           "x_events_total{host=\"a\",kind=\"\\t\"} 1",
           "x_events_total{host=\"a\",kind=\"b\\",
           "x_last_timestamp_seconds{kind=\"up\"} 1 1:1",
           "x_delay_seconds 1",
           "x_delay_seconds",
           "x_delay_seconds 1 1",
           "x_delay_seconds 1 1:",
           "x_delay_seconds 1 :1",
           "x_delay_seconds 1 1:0",
           "x_delay_seconds 1 1:-1",
           "x_delay_seconds 1 1:1.5",
           "x_delay_seconds 1 1:9007199254740993",
           "x_delay_seconds 1 nan:1",
           "x_delay_seconds 1 5:1 1:1",
           "x_delay_seconds 1 1:1 1:1",
           "x_delay_seconds inf 1:1",
           "x_delay_seconds{le=\"1\"} 1 1:1",
       }) {
    CAPTURE(line);
    CHECK_FALSE(counts.restore(line));
  }
  CHECK(shown(counts).empty());
}

TEST_CASE("counts: every prefix of a saved line is refused, or is the line of a smaller number") {
  Counts source(kFamilies, {1, 5, 10});
  for (const std::string& line : saved(filled(source))) {
    const size_t numbers = line.rfind('}') == std::string::npos ? line.find(' ') : line.rfind('}') + 1;
    for (size_t n = 0; n < line.size(); ++n) {
      CAPTURE(line.substr(0, n));
      Counts counts(kFamilies, {1, 5, 10});
      if (n <= numbers + 1) CHECK_FALSE(counts.restore(std::string_view(line).substr(0, n)));
      SavedSeries series;
      if (from_line(std::string_view(line).substr(0, n), series)) CHECK(to_line(series) == line.substr(0, n));
    }
  }
}

TEST_CASE("counts: labels from a log are bounded in number, also when they come from the state") {
  Counts counts(kFamilies);
  const Family& events = kFamilies[kEvents];
  counts.bound(events, "host", 2);
  for (const char* host : {"a", "b", "c", "d"}) {
    CHECK(counts.restore("x_events_total{host=\"" + std::string(host) + "\",kind=\"up\"} 1"));
    counts.counter(events, {{"host", host}, {"kind", "down"}}).Increment();
  }
  CHECK(counts.counter(events, {{"host", "b"}, {"kind", "up"}}).Value() == 1);
  CHECK(counts.counter(events, {{"host", "other"}, {"kind", "up"}}).Value() == 2);
  CHECK(counts.counter(events, {{"host", "e"}, {"kind", "down"}}).Value() == 2);
  CHECK(shown(counts).find("\"c\"") == std::string::npos);
}

TEST_CASE("counts: a family is bounded as a whole, and what does not fit is other") {
  Counts counts(kFamilies);
  const Family& events = kFamilies[kEvents];
  counts.bound(events, 2);
  counts.counter(events, {{"host", "a"}, {"kind", "up"}}).Increment();
  counts.counter(events, {{"host", "a"}, {"kind", "down"}}).Increment();
  counts.counter(events, {{"host", "b"}, {"kind", "up"}}).Increment();
  counts.counter(events, {{"host", "c"}, {"kind", "up"}}).Increment();
  counts.counter(events, {{"host", "a"}, {"kind", "down"}}).Increment();
  CHECK(counts.counter(events, {{"host", "a"}, {"kind", "down"}}).Value() == 2);
  CHECK(counts.counter(events, {{"host", "other"}, {"kind", "other"}}).Value() == 2);
  counts.counter(kFamilies[kPlain]).Increment();
  CHECK(counts.value(kFamilies[kPlain]) == 1);
}

TEST_CASE("counts: without a bound of its own a family is bounded as well, and so is every label's length") {
  Counts counts(kFamilies);
  const std::string longest(Counts::kLongestLabel, 'h'), longer = longest + "h";
  CHECK(counts.restore("x_events_total{host=\"" + longer + "\",kind=\"up\"} 3"));
  counts.counter(kFamilies[kEvents], {{"host", longest}, {"kind", "up"}}).Increment();
  CHECK(counts.counter(kFamilies[kEvents], {{"host", "other"}, {"kind", "up"}}).Value() == 3);
  CHECK(shown(counts).find(longest) != std::string::npos);
  CHECK(shown(counts).find(longer) == std::string::npos);
  for (size_t i = 0; i < 2 * Counts::kMostSeries; ++i) counts.counter(kFamilies[kEvents], {{"host", std::to_string(i)}, {"kind", "up"}});
  const std::string text = shown(counts);
  CHECK(std::count(text.begin(), text.end(), '\n') <= static_cast<long>(Counts::kMostSeries) + 8);
}

TEST_CASE("counts: what is raised never falls") {
  Counts counts(kFamilies);
  for (const double value : {3.0, 5.0, 4.0}) counts.raise(kFamilies[kLast], {{"kind", "up"}}, value);
  CHECK(counts.gauge(kFamilies[kLast], {{"kind", "up"}}).Value() == 5);
}
