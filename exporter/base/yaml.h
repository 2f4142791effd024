// One document of YAML, for what is written by hand: --config.file and lists of rules.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>

namespace fencewatch {

// A text without a document is Null. Throws YAML::Exception with the place of what is wrong, also of a second document.
// Not YAML::LoadAll(), which never ends on a stray comma behind a document (yaml-cpp 0.7).
YAML::Node load_yaml(const std::string& text);

// Gives each member of the mapping `map` to `take`, in their order. What is no mapping, a key that is no word, or one that is there twice
// goes to `refuse` with its place, which must not return. `prefix` stands before keys in messages.
using TakeMember = std::function<void(const YAML::Node& key, const std::string& name, const YAML::Node& value)>;
using RefuseYaml = std::function<void(const YAML::Node& at, const std::string& what)>;
void each_member(const YAML::Node& map, const std::string& prefix, const RefuseYaml& refuse, const TakeMember& take);

// The whole file, at most 1 MiB. Empty, or what is wrong with it: a FIFO is not waited for.
std::string read_text(const std::string& path, std::string& text);

}  // namespace fencewatch
