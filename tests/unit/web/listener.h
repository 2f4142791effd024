// Tells a collector what its patterns match, by the same Matcher and the same parsers of lines as the program.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/scan.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"
#include "exporter/collect/counts.h"
#include "exporter/logs/match/matcher.h"
#include "exporter/logs/sources/kmsg.h"
#include "exporter/logs/sources/syslog.h"
#include "exporter/logs/sources/syslog_time.h"
#include "tests/unit/trees.h"

namespace fencewatch::test {

class Listener {
 public:
  explicit Listener(const Spec& spec, const Settings& settings = {})
      : collector(spec.make(settings)), all_{collector.get()}, matcher_(std::span<Collector* const>(all_)) {}

  // How many patterns matched.
  size_t say(Channel channel, std::string_view text, int64_t time_us = 0, uint32_t repeated = 1) {
    const Line line{channel, text, name(channel), time_us, repeated};
    const size_t found = matcher_.find(line);
    matcher_.tell(line);
    return found;
  }

  // A file as syslog, corosync or pacemaker write it.
  void log(const std::string& path) {
    const std::string text = slurp(path);
    REQUIRE_MESSAGE(!text.empty(), path);
    syslog::SyslogTime stamps;
    syslog::Entry entry;
    constexpr int64_t reference = 1'795'500'000'000'000;  // after the recordings
    std::string_view rest = text, line;
    while (scan::next_line(rest, line))
      if (syslog::parse(line, entry)) say(entry.channel, entry.text, stamps.time_us(entry.stamp, reference), entry.repeated);
  }

  // Records of /dev/kmsg.
  void kmsg(const std::string& path) {
    const std::string text = slurp(path);
    REQUIRE_MESSAGE(!text.empty(), path);
    fencewatch::kmsg::Record record;
    std::string buffer;
    std::string_view rest = text, line;
    while (scan::next_line(rest, line))
      if (fencewatch::kmsg::parse(line, record) && record.facility() == 0)
        say(Channel::kernel, fencewatch::kmsg::unescape(record.text, buffer), 1'795'000'000'000'000 + record.since_boot_us);
  }

  // What is shown for one series, "" for none.
  std::string value(std::string_view series) const {
    const std::string wanted = std::string(series) + ' ';
    const std::string text = "\n" + exposition();
    const size_t at = text.find("\n" + wanted);
    return at == text.npos ? "" : text.substr(at + 1 + wanted.size(), text.find('\n', at + 1) - at - 1 - wanted.size());
  }

  // Lines of samples that are neither 0 nor times.
  std::string counted() const {
    std::string lines;
    const std::string text = exposition();
    std::string_view rest = text, line;
    while (scan::next_line(rest, line)) {
      if (line.starts_with('#') || line.ends_with(" 0") || line.find("timestamp_seconds") != line.npos) continue;
      lines.append(line.substr(std::string_view("fencewatch_").size())).append("\n");
    }
    return lines;
  }

  std::string exposition() const {
    Page page;
    collector->counts()->write(page);
    Bytes out;
    page.render(Format::text, out);
    return std::string(out.view());
  }

  std::unique_ptr<Collector> collector;

 private:
  Collector* all_[1];
  Matcher matcher_;
};

// Compares with the file `expected`, or writes it.
inline void expect(const std::string& expected, const std::string& counted) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(expected, std::ios::binary) << counted;
    return;
  }
  CAPTURE(expected);
  REQUIRE_MESSAGE(std::filesystem::exists(expected), "UPDATE_GOLDEN=1 writes it");
  CHECK(counted == slurp(expected));
}

// Every pattern's example is a line that it matches.
inline void check_examples(const Spec& spec) {
  Listener listener(spec);
  for (const Pattern& pattern : listener.collector->patterns()) {
    CAPTURE(pattern.expression);
    CAPTURE(pattern.example);
    class Alone final : public Collector {
     public:
      explicit Alone(const Pattern& p) : pattern_(p) {}
      Status collect(const Node&, Page&) override { return {}; }
      std::span<const Pattern> patterns() const override { return {&pattern_, 1}; }

     private:
      const Pattern pattern_;
    } alone(pattern);
    Collector* const all[] = {&alone};
    CHECK(Matcher(all).find({pattern.channel, pattern.example, name(pattern.channel)}) == 1);
  }
}

}  // namespace fencewatch::test
