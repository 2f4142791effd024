// --help as a user reads it: flags with the value that they take, once; CLI11's own says "VALUE ... ..." and "--no-x{false}".
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace fencewatch {

class HelpText : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: fencewatch [OPTION]...\n"
           "       fencewatch diagnose [OPTION]... [PATH]...   why nodes were fenced; see fencewatch diagnose --help\n";
  }
  std::string make_option_name(const CLI::Option* option, bool) const override {
    std::string names;
    for (const std::string& name : option->get_snames()) names += (names.empty() ? "-" : ", -") + name;
    for (const std::string& name : option->get_lnames()) names += (names.empty() ? "--" : ", --") + name;
    return names;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_name();
    return type.empty() ? "" : "=" + type;
  }
};

}  // namespace fencewatch
