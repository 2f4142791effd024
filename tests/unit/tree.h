// A tree of files in a temporary directory, so that a test's input stands beside what it expects.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

class TemporaryTree {
 public:
  TemporaryTree() {
    std::string name = (std::filesystem::temp_directory_path() / "fencewatch-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryTree() { std::filesystem::remove_all(path_); }
  TemporaryTree(const TemporaryTree&) = delete;

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string root() const { return path_.string(); }

  void file(std::string_view name, std::string_view text) {
    parents(name);
    std::ofstream(*this / name, std::ios::binary) << text;
  }
  void link(std::string_view name, std::string_view target) {
    parents(name);
    std::filesystem::create_symlink(target, *this / name);
  }
  void directory(std::string_view name) { std::filesystem::create_directories(path_ / name); }

 private:
  void parents(std::string_view name) { std::filesystem::create_directories((path_ / name).parent_path()); }

  std::filesystem::path path_;
};
