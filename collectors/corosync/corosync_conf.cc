#include "collectors/corosync/corosync_conf.h"

#include "exporter/base/scan.h"
#include "exporter/base/text.h"

namespace fencewatch {
namespace {

constexpr uint32_t kTokenCoefficient = 650;  // since 2.3.4
constexpr uint32_t kTokenWarning = 75;       // since 2.99.4

// 0xA0 is a blank to corosync.
constexpr std::string_view kBlanks = " \t\r\xa0";

std::string_view trimmed(std::string_view value) { return text::trim(value, kBlanks); }

// Of corosync's own reader only a whole line is a comment; people write them behind values all the same.
std::string_view without_comment(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || kBlanks.find(line[i - 1]) != kBlanks.npos)) return line.substr(0, i);
  }
  return line;
}

class Reader {
 public:
  explicit Reader(CorosyncConf& out) : out_(out) {}

  // Null, or what is wrong with the line.
  const char* line(std::string_view line) {
    line = trimmed(without_comment(line));
    const size_t colon = line.find(':');
    const size_t open = line.find('{');
    if (open < colon) return section(trimmed(line.substr(0, open)), line.substr(open + 1));
    if (colon != line.npos) return value(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    if (line == "}") return depth_-- > 0 ? nullptr : "a closing brace too many";
    return nullptr;
  }
  bool complete() const { return depth_ == 0; }

 private:
  const char* section(std::string_view name, std::string_view behind) {
    if (!behind.empty()) return "text behind an opening brace";
    if (depth_ == 0) top_ = name == "totem" ? Top::totem : name == "nodelist" ? Top::nodelist : Top::other;
    if (depth_ == 1 && top_ == Top::nodelist && name == "node") ++out_.nodes;
    ++depth_;
    return nullptr;
  }

  const char* value(std::string_view key, std::string_view text) {
    if (depth_ != 1 || top_ != Top::totem) return nullptr;
    if (key == "token") return number(text, out_.token) ? nullptr : "token is no number of milliseconds";
    if (key == "token_coefficient")
      return number(text, out_.token_coefficient) ? nullptr : "token_coefficient is no number of milliseconds";
    if (key == "consensus") return number(text, out_.consensus) ? nullptr : "consensus is no number of milliseconds";
    if (key == "token_warning") return number(text, out_.token_warning) ? nullptr : "token_warning is no percentage";
    return nullptr;
  }

  // Of a key that is there twice the last counts.
  static bool number(std::string_view text, std::optional<uint32_t>& out) {
    uint32_t read = 0;
    if (!scan::number(text, read)) return false;
    out = read;
    return true;
  }

  CorosyncConf& out_;
  uint32_t depth_ = 0;
  enum class Top { totem, nodelist, other } top_ = Top::other;
};

}  // namespace

Status parse_corosync_conf(std::string_view text, CorosyncConf& out) {
  out = {};
  if (text.empty()) return malformed(1, "the file is empty");
  Reader reader(out);
  std::string_view rest = text, line;
  uint32_t number = 0;
  while (scan::next_line(rest, line)) {
    ++number;
    if (const char* const fault = reader.line(line)) return malformed(number, fault);
  }
  return reader.complete() ? Status{} : malformed(number, "a section is not closed");
}

TotemTimes totem_times(const CorosyncConf& conf, uint32_t default_token) {
  // 0 is as good as nothing for the two, but switches the others off: totem_volatile_config_read().
  const auto given = [](const std::optional<uint32_t>& value) { return value && *value != 0; };
  TotemTimes times;
  times.token = given(conf.token) ? *conf.token : default_token;
  if (conf.nodes > 2) times.token += uint64_t{conf.nodes - 2} * conf.token_coefficient.value_or(kTokenCoefficient);
  times.consensus = given(conf.consensus) ? *conf.consensus : times.token * 6 / 5;
  times.token_warning = conf.token_warning.value_or(kTokenWarning);
  return times;
}

}  // namespace fencewatch
