#include "exporter/exposition/page.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "exporter/collect/counts.h"
#include "tests/unit/allocations.h"

using namespace fencewatch;

namespace {

constexpr Family kGauge{"x_size_bytes", Type::gauge, "Size, from /proc/x.", "a,b"};
constexpr Family kCounter{"x_events_total", Type::counter, "Events with \\ and \"quotes\"\nand a line, from x.", "kind"};
constexpr Family kHistogram{"x_delay_seconds", Type::histogram, "Delays, from the log.", "kind"};

std::string text(const Page& page, Format format = Format::text) {
  Bytes out;
  page.render(format, out);
  Page::finish(format, out);
  return std::string(out.view());
}

// The only sample's line, without the header.
template <class... Args>
std::string sample(Args... args) {
  Page page;
  page.begin(kGauge);
  page.sample(args...);
  std::string all = text(page);
  all.erase(0, all.find("\nx_size_bytes") + 1);
  return all;
}

std::string labelled(std::string_view value) {
  Page page;
  page.begin(kGauge);
  page.sample({{"a", value}}, uint64_t{1});
  std::string all = text(page);
  const size_t begin = all.find("{a=\"") + 4;
  return all.substr(begin, all.rfind("\"}") - begin);
}

}  // namespace

TEST_CASE("both formats show the same samples under their own headers") {
  Page page;
  page.begin(kGauge);
  page.sample({{"a", "x"}, {"b", 0}}, uint64_t{18446744073709551615u});
  page.begin(kCounter);
  page.sample({{"kind", "some"}}, 1.5);
  CHECK(text(page) ==
        "# HELP x_size_bytes Size, from /proc/x.\n"
        "# TYPE x_size_bytes gauge\n"
        "x_size_bytes{a=\"x\",b=\"0\"} 18446744073709551615\n"
        "# HELP x_events_total Events with \\\\ and \"quotes\"\\nand a line, from x.\n"
        "# TYPE x_events_total counter\n"
        "x_events_total{kind=\"some\"} 1.5\n");
  CHECK(text(page, Format::openmetrics) ==
        "# HELP x_size_bytes Size, from /proc/x.\n"
        "# TYPE x_size_bytes gauge\n"
        "# UNIT x_size_bytes bytes\n"
        "x_size_bytes{a=\"x\",b=\"0\"} 18446744073709551615\n"
        "# HELP x_events Events with \\\\ and \\\"quotes\\\"\\nand a line, from x.\n"
        "# TYPE x_events counter\n"
        "x_events_total{kind=\"some\"} 1.5\n"
        "# EOF\n");
}

TEST_CASE("a counter's unit stands before _total") {
  constexpr Family seconds{"x_stalled_seconds_total", Type::counter, "Stalls.", ""};
  Page page;
  page.one(seconds, 2.0);
  CHECK(text(page, Format::openmetrics) ==
        "# HELP x_stalled_seconds Stalls.\n# TYPE x_stalled_seconds counter\n# UNIT x_stalled_seconds seconds\n"
        "x_stalled_seconds_total 2\n# EOF\n");
}

TEST_CASE("a family without samples is not shown") {
  Page page;
  page.begin(kGauge);
  page.begin(kCounter);
  page.sample(uint64_t{0});
  CHECK(text(page).find("x_size_bytes") == std::string::npos);
  CHECK(page.families() == std::vector<const Family*>{&kGauge, &kCounter});
}

TEST_CASE("numbers are exact and as short as can be") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(sample(uint64_t{0}) == "x_size_bytes 0\n");
  CHECK(sample(0.1) == "x_size_bytes 0.1\n");
  CHECK(sample(4096.0) == "x_size_bytes 4096\n");
  CHECK(sample(-0.25) == "x_size_bytes -0.25\n");
  CHECK(sample(1.0 / 3) == "x_size_bytes 0.3333333333333333\n");
  CHECK(sample(std::nan("")) == "x_size_bytes NaN\n");
  CHECK(sample(inf) == "x_size_bytes +Inf\n");
  CHECK(sample(-inf) == "x_size_bytes -Inf\n");
}

TEST_CASE("rendered labels and more labels stand side by side") {
  const LabelText zone({{"numa_node", 0}, {"zone", "DMA\"32"}});
  CHECK(zone.view() == "numa_node=\"0\",zone=\"DMA\\\"32\"");
  CHECK(sample(zone.view(), Labels{}, uint64_t{1}) == "x_size_bytes{numa_node=\"0\",zone=\"DMA\\\"32\"} 1\n");
  CHECK(sample(zone.view(), Labels{{"b", -2}}, uint64_t{1}) == "x_size_bytes{numa_node=\"0\",zone=\"DMA\\\"32\",b=\"-2\"} 1\n");
}

TEST_CASE("label text that does not fit is cut within a value and stays well formed") {
  const std::string longest(300, 'v');
  const LabelText cut({{"a", longest}, {"b", "x"}});
  CHECK(cut.view() == "a=\"" + std::string(188, 'v') + "\"");
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xc3\xa9";
  CHECK(LabelText({{"ab", wide}}).view() == "ab=\"" + wide.substr(0, 186) + "\"");
  CHECK(LabelText({{std::string_view(longest), "x"}}).view().empty());
}

TEST_CASE("label values are escaped") {
  CHECK(labelled("a\\b\"c\nd") == "a\\\\b\\\"c\\nd");
  CHECK(labelled("") == "");
  CHECK(labelled("tab\tand \x7f") == "tab\tand \x7f");
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD, well-formed text stays") {
  const std::string fffd = "\xef\xbf\xbd";
  CHECK(labelled("caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80") == "caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80");
  CHECK(labelled("a\xff z") == "a" + fffd + " z");
  CHECK(labelled("\xc3") == fffd);
  CHECK(labelled("\xe4\xb8") == fffd + fffd);
  CHECK(labelled("\xc0\xaf") == fffd + fffd);                        // overlong
  CHECK(labelled("\xed\xa0\x80") == fffd + fffd + fffd);             // a surrogate
  CHECK(labelled("\xf4\x90\x80\x80") == fffd + fffd + fffd + fffd);  // above U+10FFFF
  CHECK(labelled(std::string_view("a\0b", 3)) == "a" + fffd + "b");
  CHECK(labelled("\xc3\"") == fffd + "\\\"");
}

TEST_CASE("what prometheus-cpp holds is shown under the declared help") {
  constexpr Family families[] = {kGauge, kCounter, kHistogram};
  Counts counts(families, {0.5, 1, 20});
  counts.counter(families[1], {{"kind", "a\n"}}).Increment(3);
  for (const double delay : {0.1, 0.7, 30.0}) counts.observe(families[2], {{"kind", "k"}}, delay, 1);
  Page page;
  counts.write(page);
  const std::string shown = text(page);
  CHECK(shown.find("# HELP x_events_total Events with") != std::string::npos);
  CHECK(shown.find("x_events_total{kind=\"a\\n\"} 3\n") != std::string::npos);
  CHECK(shown.find("x_size_bytes") == std::string::npos);
  CHECK(shown.find("# TYPE x_delay_seconds histogram\n"
                   "x_delay_seconds_bucket{kind=\"k\",le=\"0.5\"} 1\n"
                   "x_delay_seconds_bucket{kind=\"k\",le=\"1.0\"} 2\n"
                   "x_delay_seconds_bucket{kind=\"k\",le=\"20.0\"} 2\n"
                   "x_delay_seconds_bucket{kind=\"k\",le=\"+Inf\"} 3\n"
                   "x_delay_seconds_sum{kind=\"k\"} 30.8\n"
                   "x_delay_seconds_count{kind=\"k\"} 3\n") != std::string::npos);
}

TEST_CASE("a page written and rendered again allocates nothing") {
  Page page;
  Bytes out;
  const auto fill = [&] {
    page.clear();
    out.clear();
    page.begin(kGauge);
    for (int i = 0; i < 1000; ++i) page.sample({{"a", i}, {"b", "value\xff"}}, 0.1 * i);
    page.render(Format::openmetrics, out);
  };
  fill();
  const uint64_t before = test::thread_allocations();
  fill();
  const uint64_t after = test::thread_allocations();
  CHECK(after - before == 0);
}
