#include "exporter/config/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "exporter/base/suggestion.h"
#include "exporter/base/yaml.h"
#include "exporter/config/custom_rules.h"
#include "exporter/config/help_text.h"
#include "exporter/config/options.h"

namespace fencewatch {
namespace {

// What was said, and where: "--log.level" or "fencewatch.yml:3: log.level".
struct Said {
  Values values;
  std::string where;
};
using AllSaid = std::map<std::string, Said, std::less<>>;

// The names of `known` with `before` in front of them.
std::vector<std::string> names(const std::vector<Option>& known, const std::string& before = "") {
  std::vector<std::string> all;
  all.reserve(known.size());
  for (const Option& option : known) all.push_back(before + option.name);
  return all;
}

// ---- The YAML file ------------------------------------------------------------------------------------------------------------

class File {
 public:
  File(std::string name, const std::vector<Option>& known, std::span<const Spec* const> collectors)
      : name_(std::move(name)), known_(known), collectors_(collectors) {}

  AllSaid read() {
    std::string text;
    if (const std::string wrong = read_text(name_, text); !wrong.empty())
      throw Refused("--config.file: " + in_quotes(name_) + ": " + wrong);
    try {
      top(load_yaml(text));
    } catch (const YAML::Exception& e) {
      throw Refused(name_ + ":" + std::to_string(e.mark.line + 1) + ": " + e.msg);
    }
    return std::move(said_);
  }
  std::vector<CustomRule> custom_rules() { return std::move(custom_rules_); }

 private:
  std::string at(const YAML::Node& node) const { return name_ + ":" + std::to_string(node.Mark().line + 1) + ": "; }
  [[noreturn]] void refuse(const YAML::Node& node, const std::string& what) const { throw Refused(at(node) + what); }

  void top(const YAML::Node& root) {
    if (root.IsNull()) return;
    if (!root.IsMap()) refuse(root, "expected keys like web:, path:, collector:");
    each(root, "", [this](const YAML::Node& key, const std::string& section, const YAML::Node& value) {
      if (section == "custom_events") {
        custom_rules_ = read_custom_rules(value, name_, collectors_);
        return;
      }
      const auto in_section = [&section](const Option& s) { return s.name.starts_with(section + "."); };
      if (std::none_of(known_.begin(), known_.end(), in_section))
        refuse(key, "unknown key " + in_quotes(section) + did_you_mean(section, sections()));
      if (!value.IsMap()) refuse(key, section + ": expected a map");
      within(section, value);
    });
  }

  std::vector<std::string> sections() const {
    std::vector<std::string> all{"custom_events"};
    for (const Option& option : known_) all.push_back(option.name.substr(0, option.name.find('.')));
    return all;
  }

  void within(const std::string& section, const YAML::Node& map) {
    each(map, section + ".", [&](const YAML::Node& key, const std::string& name, const YAML::Node& value) {
      const std::string full = section + "." + name;
      const auto setting = std::find_if(known_.begin(), known_.end(), [&full](const Option& s) { return s.name == full; });
      if (setting == known_.end())
        refuse(key, "unknown " + std::string(section == "collector" ? "collector " : "key ") + in_quotes(full) +
                        did_you_mean(full, names(known_)));
      said_[full] = Said{values_of(*setting, key, value), at(value.IsDefined() && !value.IsNull() ? value : key) + full};
    });
  }

  void each(const YAML::Node& map, const std::string& prefix, const TakeMember& take) const {
    each_member(
        map, prefix, [this](const YAML::Node& node, const std::string& what) { refuse(node, what); }, take);
  }

  Values values_of(const Option& setting, const YAML::Node& key, const YAML::Node& value) const {
    if (setting.kind == Kind::list && value.IsSequence()) {
      Values values;
      for (const YAML::Node& element : value) {
        if (!element.IsScalar()) refuse(key, setting.name + ": expected a list of texts");
        values.push_back(element.Scalar());
      }
      return values;
    }
    if (!value.IsScalar()) refuse(key, setting.name + ": expected one value");
    if (setting.kind == Kind::boolean && value.Scalar() != "true" && value.Scalar() != "false") {
      refuse(key, setting.name + ": " + in_quotes(value.Scalar()) + " is not true or false");
    }
    return {value.Scalar()};
  }

  std::string name_;
  const std::vector<Option>& known_;
  const std::span<const Spec* const> collectors_;
  AllSaid said_;
  std::vector<CustomRule> custom_rules_;
};

// ---- Flags --------------------------------------------------------------------------------------------------------------------

struct Flags {
  AllSaid said;
  std::string config_file;
  Settings::Mode mode = Settings::Mode::serve;
  bool version = false, once = false, describe = false, check = false;
};

Settings::Mode mode_of(std::span<const std::pair<CLI::Option*, Settings::Mode>> modes) {
  Settings::Mode mode = Settings::Mode::serve;
  const CLI::Option* given = nullptr;
  for (const auto& [option, its_mode] : modes) {
    if (option->count() == 0) continue;
    if (given != nullptr) throw Refused(given->get_name() + " and " + option->get_name() + " exclude each other");
    given = option;
    mode = its_mode;
  }
  return mode;
}

void refuse_unknown(const std::vector<std::string>& remaining, const CLI::App& app, const std::vector<Option>& known) {
  if (remaining.empty()) return;
  const std::string flag = remaining[0].substr(0, remaining[0].find('='));
  for (const std::string_view prefix : {"--collector.", "--no-collector."}) {
    if (!flag.starts_with(prefix)) continue;
    const std::string before(prefix.substr(0, prefix.find('c')));
    throw Refused("unknown collector " + in_quotes(flag.substr(prefix.size())) + " in " + in_quotes(flag) +
                  did_you_mean(flag, names(known, before)));
  }
  if (!flag.starts_with('-')) {
    const std::string commands[] = {"diagnose"};
    throw Refused("unexpected argument " + in_quotes(flag) + did_you_mean(flag, commands));
  }
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  throw Refused("unknown flag " + in_quotes(flag) + did_you_mean(flag, flags));
}

Flags parse_flags(CLI::App& app, int argc, const char* const* argv, const std::vector<Option>& known) {
  Flags flags;
  app.allow_extras();
  app.set_help_flag("-h,--help", "print this and exit");
  app.formatter(std::make_shared<HelpText>());
  std::vector<std::pair<CLI::Option*, const Option*>> options;
  std::vector<Values> values(known.size());
  std::vector<char> switches(known.size());
  for (size_t i = 0; i < known.size(); ++i) {
    const Option& setting = known[i];
    CLI::Option* option = nullptr;
    if (setting.kind == Kind::boolean) {
      const bool negatable = setting.apply == nullptr && setting.name != "collector.disable-defaults";
      option = app.add_flag("--" + setting.name + (negatable ? ",!--no-" + setting.name : ""), setting.help);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    } else {
      option = app.add_option("--" + setting.name, values[i], setting.help)->allow_extra_args(false);
      option->type_name("VALUE");
    }
    options.emplace_back(option, &setting);
  }
  app.add_option("--config.file", flags.config_file, "YAML file with the same settings; flags beat it")->type_name("FILE");
  const std::pair<CLI::Option*, Settings::Mode> modes[] = {
      {app.add_flag("--once", flags.once, "print the metrics of one scrape and exit, 1 if a collector failed"), Settings::Mode::once},
      {app.add_flag("--describe", flags.describe, "print the reference of all metrics and exit"), Settings::Mode::describe},
      {app.add_flag("--check-config", flags.check, "check flags and files and exit"), Settings::Mode::check}};
  app.add_flag("--version", flags.version, "print the version and exit");
  app.parse(argc, argv);
  refuse_unknown(app.remaining(), app, known);
  flags.mode = mode_of(modes);
  for (size_t i = 0; i < known.size(); ++i) {
    if (options[i].first->count() == 0) continue;
    const std::string flag = "--" + known[i].name;
    if (known[i].kind == Kind::boolean) values[i] = {options[i].first->as<bool>() ? "true" : "false"};
    if (known[i].kind == Kind::text && values[i].size() != 1) throw Refused(flag + " is given more than once");
    flags.said[known[i].name] = Said{values[i], flag};
  }
  return flags;
}

// ---- Both ---------------------------------------------------------------------------------------------------------------------

void derive_paths(const AllSaid& said, NodePaths& paths) {
  if (!said.contains("path.rootfs")) return;
  const std::string root = paths.rootfs.substr(0, paths.rootfs.find_last_not_of('/') + 1);
  if (!said.contains("path.procfs")) paths.procfs = root + "/proc";
  if (!said.contains("path.sysfs")) paths.sysfs = root + "/sys";
}

Settings resolve(const AllSaid& said, const std::vector<Option>& known, std::span<const Spec* const> collectors) {
  Settings config;
  for (const Option& setting : known) {
    const auto found = said.find(setting.name);
    if (found == said.end() || setting.apply == nullptr) continue;
    try {
      setting.apply(config, found->second.values);
    } catch (const Refused& e) {
      throw Refused(found->second.where + ": " + e.what());
    }
  }
  derive_paths(said, config.paths);
  const auto switched = [&said](std::string_view name, bool otherwise) {
    const auto found = said.find(name);
    return found == said.end() ? otherwise : is_true(found->second.values);
  };
  const bool defaults = !switched("collector.disable-defaults", false);
  for (const Spec* spec : collectors) {
    config.enabled.push_back(switched("collector." + std::string(spec->name), defaults && spec->on_by_default));
  }
  return config;
}

std::string version() {
  return "fencewatch, version " FENCEWATCH_VERSION " (revision: " FENCEWATCH_REVISION ")\n  compiler: g++ " __VERSION__ "\n";
}

}  // namespace

Parsed parse_arguments(int argc, const char* const* argv, std::span<const Spec* const> collectors) {
  CLI::App app("Prometheus exporter that tells that an HA node is about to be fenced, and why", "fencewatch");
  Parsed parsed;
  try {
    const std::vector<Option> known = options_with(collectors);
    Flags flags = parse_flags(app, argc, argv, known);
    if (flags.version) return {{}, 0, version()};
    std::vector<CustomRule> custom_rules;
    if (!flags.config_file.empty()) {
      File file(flags.config_file, known, collectors);
      flags.said.merge(file.read());
      custom_rules = file.custom_rules();
    }
    parsed.settings = resolve(flags.said, known, collectors);
    parsed.settings.custom_rules = std::move(custom_rules);
    parsed.settings.mode = flags.mode;
  } catch (const CLI::CallForHelp&) {
    return {{}, 0, app.help()};
  } catch (const std::exception& e) {
    std::string message = e.what();
    std::replace(message.begin(), message.end(), '\n', ' ');
    return {{}, 1, "fencewatch: " + message + "\n"};
  }
  return parsed;
}

}  // namespace fencewatch
