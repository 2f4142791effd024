#include "exporter/diagnose/command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "exporter/base/refused.h"
#include "exporter/base/scan.h"
#include "exporter/base/settings.h"
#include "exporter/diagnose/diagnose.h"
#include "exporter/diagnose/read_node.h"
#include "exporter/diagnose/unpacked_report.h"
#include "exporter/node/host_clock.h"
#include "exporter/recorder/read_ring.h"
#include "exporter/report/redact.h"
#include "exporter/report/to_html.h"
#include "exporter/report/to_json.h"
#include "exporter/report/to_text.h"

namespace fencewatch {
namespace {

constexpr int kUsage = 64;  // sysexits(3)

struct Asked {
  std::string format = "text", language, since, until, recorder;
  std::vector<std::string> paths;
  bool redacted = false;
};

// Where a path is, and what of it diagnose is to read.
struct Place {
  Settings settings;
  std::unique_ptr<UnpackedReport> unpacked;  // null: it is no archive
};

void place_at(std::string root, Settings& settings) {
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  settings.paths = {root + "/proc", root + "/sys", root};
}

// By its name, as the one who packed it meant it: a log that is packed is a log.
bool is_archive(const std::string& path) {
  constexpr std::string_view kEnds[] = {".tar", ".tgz", ".txz", ".tbz", ".tbz2", ".zip", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"};
  return path == "-" || std::ranges::any_of(kEnds, [&](std::string_view end) { return path.ends_with(end); });
}

Place place_of(const std::string& path) {
  Place place;
  if (path.empty()) return place;
  struct stat is {};
  if (path != "-" && stat(path.c_str(), &is) != 0) throw Refused(in_quotes(path) + ": " + strerrordesc_np(errno));
  if (path == "-" || (S_ISREG(is.st_mode) && is_archive(path))) {
    place.unpacked = std::make_unique<UnpackedReport>(path, UnpackedReport::Limits{});
    place_at(place.unpacked->root(), place.settings);
  } else if (S_ISDIR(is.st_mode)) {
    place_at(path, place.settings);
  } else {
    const size_t slash = path.rfind('/');
    for (auto& sources : place.settings.log_sources) sources = {"/" + path.substr(slash + 1)};  // npos + 1 is 0
    place_at(slash == path.npos ? "." : path.substr(0, slash + 1), place.settings);
  }
  return place;
}

// A scrape that somebody kept: "# HELP fencewatch_…".
bool is_exposition(const std::string& path, std::string& text) {
  std::ifstream file(path);
  std::string begin(16, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  if (!begin.starts_with("# HELP ") && !begin.starts_with("# TYPE ")) return false;
  file.clear();
  file.seekg(0);
  text.assign(std::istreambuf_iterator<char>(file), {});
  return true;
}

Facts read_place(const std::string& path, std::span<const Spec* const> collectors) {
  if (std::string text; !path.empty() && path != "-" && is_exposition(path, text)) {
    Facts facts;
    facts.node = facts.source = path;
    facts.samples.parse(text);
    return facts;
  }
  const Place place = place_of(path);
  Facts facts = read_node(collectors, place.settings);
  if (place.unpacked) {
    facts.source = path;
    facts.unread.insert(facts.unread.end(), place.unpacked->unread().begin(), place.unpacked->unread().end());
  }
  return facts;
}

// "2024-04-01", "2024-04-01 11:30", "24h", "3d"; local time of the first node. 0: nothing is said.
int64_t read_time(const std::string& text, const TimeZone& zone, std::string_view flag) {
  if (text.empty()) return 0;
  int64_t count = 0;
  const char unit = text.back();
  const int64_t seconds = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86400 : 0;
  if (seconds > 0 && scan::number(std::string_view(text).substr(0, text.size() - 1), count))
    return (std::time(nullptr) - count * seconds) * 1'000'000;
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm local{};
    const char* const end = strptime(text.c_str(), form, &local);
    if (end != nullptr && *end == '\0') return zone.utc(timegm(&local)).earlier * 1'000'000;
  }
  throw Refused(std::string(flag) + ": " + in_quotes(text) + " is no time: 2024-04-01, \"2024-04-01 11:30\" or 24h");
}

bool chinese(const std::string& language) {
  if (!language.empty()) return language == "zh";
  for (const char* variable : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return std::string_view(value).starts_with("zh");
  return false;
}

Printed print_recorder(const Asked& asked) {
  std::ifstream file(asked.recorder, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Ring ring;
  if (!file.is_open() || file.bad()) throw Refused(in_quotes(asked.recorder) + " cannot be read");
  if (const Status status = read_ring(bytes, ring); !status) throw Refused(in_quotes(asked.recorder) + ": " + std::string(status.text));
  return {.exit = 0, .out = asked.format == "csv" ? ring_to_csv(ring) : ring_to_json_lines(ring), .error = {}};
}

Printed run(const Asked& asked, std::span<const Spec* const> collectors, const Rules& rules) {
  if (!asked.recorder.empty()) return print_recorder(asked);
  if (asked.format == "csv") throw Refused("--format=csv is for --recorder");
  std::vector<Facts> nodes;
  for (const std::string& path : asked.paths.empty() ? std::vector<std::string>{""} : asked.paths)
    nodes.push_back(read_place(path, collectors));
  const bool live = asked.paths.empty();
  Period period;
  period.since_us = read_time(asked.since.empty() && live ? "24h" : asked.since, nodes.front().zone, "--since");
  if (!asked.until.empty()) period.until_us = read_time(asked.until, nodes.front().zone, "--until");
  Report report = diagnose(nodes, rules, period);
  if (asked.redacted) redact(report);
  Printed printed{.exit = report.exit_code, .out = {}, .error = {}};
  const TextStyle style{.language = chinese(asked.language) ? Language::zh : Language::en,
                        .colour = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr};
  printed.out = asked.format == "json"   ? to_json(report)
                : asked.format == "html" ? to_html(report, style.language)
                                         : to_text(report, style);
  return printed;
}

}  // namespace

Printed diagnose_command(int argc, const char* const* argv, std::span<const Spec* const> collectors, const Rules& rules) {
  CLI::App app("Why was this node fenced? Of the live node, of sosreports and other trees, or of log files", "fencewatch diagnose");
  Asked asked;
  app.set_help_flag("-h,--help", "print this and exit");
  app.add_option("--format", asked.format, "text, json or html (default text); of --recorder JSON lines or csv")
      ->check(CLI::IsMember({"text", "json", "html", "csv"}))
      ->type_name("FORMAT");
  app.add_option("--recorder", asked.recorder,
                 "print what a recorder's ring holds, and nothing else (recorder.ring in the state directory)")
      ->type_name("FILE");
  app.add_option("--lang", asked.language, "en or zh (default by LANG)")->check(CLI::IsMember({"en", "zh"}))->type_name("LANG");
  app.add_option("--since", asked.since, "incidents from then on: 2024-04-01, \"2024-04-01 11:30\" or 24h (default 24h for the live node)")
      ->type_name("TIME");
  app.add_option("--until", asked.until, "incidents until then")->type_name("TIME");
  app.add_flag("--redact", asked.redacted, "replace names of hosts and pods and addresses, each by the same word everywhere");
  app.add_option("PATH", asked.paths,
                 "reports (directories or archives, - for standard input), copied trees, or log files; none: the live node");
  try {
    app.parse(argc, argv);
    return run(asked, collectors, rules);
  } catch (const CLI::CallForHelp&) {
    return {0, app.help(), {}};
  } catch (const std::exception& e) {
    return {kUsage, {}, "fencewatch diagnose: " + std::string(e.what()) + "\n"};
  }
}

}  // namespace fencewatch
