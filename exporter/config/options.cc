#include "exporter/config/options.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <initializer_list>

#include "exporter/base/scan.h"

namespace fencewatch {

bool is_true(const Values& values) { return values.back() == "true"; }

namespace {

std::string one_of(const std::string& value, std::initializer_list<std::string_view> choices) {
  std::string wanted;
  for (const std::string_view choice : choices) {
    if (value == choice) return value;
    wanted += (wanted.empty() ? "" : ", ") + std::string(choice);
  }
  throw Refused(in_quotes(value) + " is not one of " + wanted);
}

std::string path(const std::string& value) {
  if (value.empty()) throw Refused("the path is empty");
  return value;
}

int max_requests(const std::string& value) {
  int number = 0;
  if (!scan::number(std::string_view(value), number) || number < 0)
    throw Refused(in_quotes(value) + " is not a number from 0 (no bound) up");
  return number;
}

std::string listen_address(const std::string& value) {
  const size_t colon = value.rfind(':');
  const std::string host = value.substr(0, std::min(colon, value.size()));
  in6_addr address{};
  uint16_t port = 0;
  if (colon == value.npos || !scan::number(std::string_view(value).substr(colon + 1), port))
    throw Refused(in_quotes(value) + " is not [address]:port");
  const bool v6 = host.starts_with('[') && host.ends_with(']');
  const std::string bare = v6 ? host.substr(1, std::min(host.find('%'), host.size() - 1) - 1) : host;  // %eth0: where a local one is meant
  const auto of_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.'; };
  const bool name = !v6 && host.find_first_not_of("0123456789.") != host.npos && std::all_of(host.begin(), host.end(), of_name);
  if (!host.empty() && !name && inet_pton(v6 ? AF_INET6 : AF_INET, bare.c_str(), &address) != 1)
    throw Refused(in_quotes(value) + ": the host part is not a name, an IPv4 address, nor an IPv6 address in brackets");
  return value;
}

std::string telemetry_path(const std::string& value) {
  const auto refused = [](char c) { return c <= ' ' || c >= 0x7f || std::strchr("?#%\\", c) != nullptr; };
  if (!value.starts_with('/')) throw Refused(in_quotes(value) + " does not start with /");
  if (value == "/" || value == "/-/healthy" || value == "/-/ready") throw Refused(in_quotes(value) + " is taken by another page");
  if (std::any_of(value.begin(), value.end(), refused) || value.find("//") != value.npos || value.find("/.") != value.npos) {
    throw Refused(in_quotes(value) + " is not a plain path");
  }
  return value;
}

std::string log_source(Channel channel, const std::string& value) {
  if (value == "journal" || (value == "kmsg" && channel == Channel::kernel)) return value;
  const bool printable = std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!value.starts_with('/') || value.ends_with('/') || !printable)
    throw Refused(in_quotes(value) + " is not " + (channel == Channel::kernel ? "kmsg, " : "") + "journal or the absolute path of a file");
  return value;
}

template <Channel kChannel>
Option log_sources(const char* usual) {
  const std::string its_name(name(kChannel));
  return {"log." + its_name + "-sources", Kind::list,
          "where the lines of " + its_name + " come from, the first that works; may be given more than once (default " + usual + ")",
          [](Settings& c, const Values& v) {
            std::vector<std::string>& sources = c.log_sources[static_cast<size_t>(kChannel)];
            if (v.empty()) throw Refused("the list is empty");
            for (const std::string& value : v) {
              if (std::find(sources.begin(), sources.end(), value) != sources.end()) throw Refused(in_quotes(value) + " is given twice");
              sources.push_back(log_source(kChannel, value));
            }
          }};
}

std::vector<Option> settings() {
  return {
      {"web.listen-address", Kind::list, "[address]:port to listen on; may be given more than once (default :19664)",
       [](Settings& c, const Values& v) {
         c.listen_addresses.clear();
         for (const std::string& value : v) c.listen_addresses.push_back(listen_address(value));
         if (v.empty()) throw Refused("the list is empty");
       }},
      {"web.config.file", Kind::text, "YAML file with TLS, users, headers and a rate, in the format of Prometheus' exporter-toolkit",
       [](Settings& c, const Values& v) { c.web_config_file = path(v[0]); }},
      {"web.health-open", Kind::boolean, "answer /-/healthy and /-/ready to everybody, whatever the web configuration asks for",
       [](Settings& c, const Values& v) { c.health_open = is_true(v); }},
      {"web.systemd-socket", Kind::boolean, "listen on the sockets that systemd hands over, in place of --web.listen-address",
       [](Settings& c, const Values& v) { c.systemd_socket = is_true(v); }},
      {"web.telemetry-path", Kind::text, "where the metrics are (default /metrics)",
       [](Settings& c, const Values& v) { c.telemetry_path = telemetry_path(v[0]); }},
      {"web.max-requests", Kind::text, "scrapes at once, 0 for no bound (default 40)",
       [](Settings& c, const Values& v) { c.max_requests = max_requests(v[0]); }},
      {"no-realtime", Kind::boolean, "run with the scheduling of any other program, also where real-time is allowed",
       [](Settings& c, const Values& v) { c.realtime = !is_true(v); }},
      {"web.disable-exporter-metrics", Kind::boolean, "leave out process_* and http_*",
       [](Settings& c, const Values& v) { c.exporter_metrics = !is_true(v); }},
      {"path.procfs", Kind::text, "procfs of the watched machine (default /proc)",
       [](Settings& c, const Values& v) { c.paths.procfs = path(v[0]); }},
      {"path.sysfs", Kind::text, "sysfs of the watched machine (default /sys)",
       [](Settings& c, const Values& v) { c.paths.sysfs = path(v[0]); }},
      {"path.rootfs", Kind::text,
       "root of the watched machine, or an unpacked sosreport; procfs and sysfs are below it unless given (default /)",
       [](Settings& c, const Values& v) { c.paths.rootfs = path(v[0]); }},
      {"path.journal", Kind::text,
       "directory of the watched machine's journal (default var/log/journal and run/log/journal below its root)",
       [](Settings& c, const Values& v) { c.journal_dir = path(v[0]); }},
      log_sources<Channel::kernel>("kmsg, journal, /var/log/syslog, /var/log/messages, /var/log/kern.log"),
      log_sources<Channel::corosync>(
          "/var/log/cluster/corosync.log, /var/log/corosync/corosync.log, journal, /var/log/syslog, /var/log/messages"),
      log_sources<Channel::pacemaker>(
          "/var/log/pacemaker/pacemaker.log, /var/log/pacemaker.log, journal, /var/log/syslog, /var/log/messages"),
      log_sources<Channel::sbd>("journal, /var/log/syslog, /var/log/messages"),
      log_sources<Channel::host>("journal, /var/log/syslog, /var/log/messages"),
      {"log.from-start", Kind::boolean, "without a state count what log files already hold, instead of beginning at their end",
       [](Settings& c, const Values& v) { c.log_from_start = is_true(v); }},
      {"state.dir", Kind::text, "where positions in logs and what was counted are kept over a restart (default /var/lib/fencewatch)",
       [](Settings& c, const Values& v) { c.state_dir = path(v[0]); }},
      {"log.level", Kind::text, "debug, info, warn or error (default info)",
       [](Settings& c, const Values& v) {
         c.log_level = one_of(v[0], {"debug", "info", "warn", "error"});
       }},
      {"log.format", Kind::text, "logfmt or json (default logfmt)",
       [](Settings& c, const Values& v) {
         c.log_format = one_of(v[0], {"logfmt", "json"});
       }},
      {"kernel.advisories", Kind::text, "YAML file of kernel advisories in place of the built-in list",
       [](Settings& c, const Values& v) { c.kernel_advisories = path(v[0]); }},
      {"corosync.library-dir", Kind::text, "directory of corosync's client libraries (default: where the dynamic loader looks)",
       [](Settings& c, const Values& v) { c.corosync_library_dir = path(v[0]); }},
      {"collector.disable-defaults", Kind::boolean, "start from no collector instead of the default ones", nullptr},
  };
}

}  // namespace

std::vector<Option> options_with(std::span<const Spec* const> collectors) {
  std::vector<Option> all = settings();
  for (const Spec* spec : collectors) {
    const std::string summary = std::string(spec->summary) + (spec->on_by_default ? " (default on)" : " (default off)");
    all.push_back({"collector." + std::string(spec->name), Kind::boolean, summary, nullptr});
  }
  return all;
}

}  // namespace fencewatch
