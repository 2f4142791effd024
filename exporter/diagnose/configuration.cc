#include "exporter/diagnose/configuration.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// Blocks nest: "quorum { device { model: net } }" is corosync.quorum.device.model.
void read_corosync(std::string_view text, const std::string& file, Facts& out) {
  std::vector<std::string> path = {"corosync"};
  std::string name, number;  // of the node that is being read
  uint64_t line_number = 0;
  for (std::string_view line; scan::next_line(text, line);) {
    ++line_number;
    line = trim(line);
    if (line.empty() || line[0] == '#') continue;
    if (line.back() == '{') {
      path.emplace_back(trim(line.substr(0, line.size() - 1)));
    } else if (line == "}") {
      if (path.back() == "node" && !number.empty() && !name.empty()) out.members[number] = name;
      if (path.back() == "node") name.clear(), number.clear();
      if (path.size() > 1) path.pop_back();
    } else if (const size_t colon = line.find(':'); colon != line.npos) {
      const std::string_view key = trim(line.substr(0, colon)), value = trim(line.substr(colon + 1));
      if (path.back() == "node" && key == "name") name = value.substr(0, value.find('.'));
      if (path.back() == "node" && key == "nodeid") number = value;
      std::string full;
      for (const std::string& part : path) full += part + ".";
      out.configuration.push_back({full + std::string(key), std::string(value), file, line_number});
    }
  }
}

// KEY=VALUE of a shell, `mark` for "=".
void read_pairs(std::string_view text, const std::string& file, const std::string& prefix, char mark, Facts& out) {
  uint64_t number = 0;
  for (std::string_view line; scan::next_line(text, line);) {
    ++number;
    line = trim(line);
    const size_t at = line.find(mark);
    if (line.empty() || line[0] == '#' || at == line.npos) continue;
    std::string_view key = trim(line.substr(0, at)), value = trim(line.substr(at + 1));
    if (key.starts_with("export ")) key = trim(key.substr(7));
    if (value.size() > 1 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0]) value = value.substr(1, value.size() - 2);
    out.configuration.push_back({prefix + std::string(key), std::string(value), file, number});
  }
}

// "Timeout (watchdog) : 5" is sbd.disk.watchdog.
void read_sbd_dump(std::string_view text, const std::string& file, Facts& out) {
  Facts pairs;
  read_pairs(text, file, "", ':', pairs);
  for (Configured& pair : pairs.configuration) {
    const size_t open = pair.key.find("Timeout ("), close = pair.key.find(')');
    if (open == pair.key.npos || close == pair.key.npos) continue;
    pair.key = "sbd.disk." + pair.key.substr(open + 9, close - open - 9);
    out.configuration.push_back(std::move(pair));
  }
}

}  // namespace

void read_configuration(const Node& node, Facts& out) {
  Bytes text;
  if (node.read("etc/corosync/corosync.conf", text)) read_corosync(text.view(), "etc/corosync/corosync.conf", out);
  for (const std::string name : {"sbd", "pacemaker", "corosync"})
    for (const std::string directory : {"etc/default/", "etc/sysconfig/"})
      if (node.read(directory + name, text)) read_pairs(text.view(), directory + name, name + ".", '=', out);
  Names dumps;
  if (!node.list("sos_commands/sbd", dumps)) return;
  for (const auto& dump : dumps) {
    const std::string file = "sos_commands/sbd/" + std::string(dump);
    if (file.ends_with("_dump") && node.read(file, text)) read_sbd_dump(text.view(), file, out);
  }
}

}  // namespace fencewatch
