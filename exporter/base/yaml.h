// One document of YAML, for what is written by hand: --config.file and lists of rules.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

namespace fencewatch {

// A text without a document is Null. Throws YAML::Exception with the place of what is wrong, also of a second document.
// Not YAML::LoadAll(), which never ends on a stray comma behind a document (yaml-cpp 0.7).
YAML::Node load_yaml(const std::string& text);

// The whole file, at most 1 MiB. 0, or an errno.
int read_text(const std::string& path, std::string& text);

}  // namespace fencewatch
