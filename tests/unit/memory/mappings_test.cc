#include "exporter/memory/mappings.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "exporter/node/resolve.h"
#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

constexpr size_t kSize = 64 << 10;

// A file mapped as libsystemd maps journals, all of it touched.
struct MappedFile {
  explicit MappedFile(std::string file) : path(std::move(file)) {
    std::ofstream(path, std::ios::binary) << std::string(kSize, 'x');
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    place = static_cast<char*>(mmap(nullptr, kSize, PROT_READ, MAP_SHARED | MAP_POPULATE, fd.get(), 0));
    REQUIRE(place != MAP_FAILED);
  }
  ~MappedFile() { munmap(place, kSize); }

  size_t resident_kb() const {
    std::ifstream maps("/proc/self/smaps");
    bool here = false;
    for (std::string line; std::getline(maps, line);) {
      if (line.ends_with(path)) here = true;
      if (here && line.starts_with("Rss:")) return std::stoul(line.substr(4));
    }
    return 0;
  }

  const std::string path;
  char* place;
};

}  // namespace

TEST_CASE("Pages of the files named leave the memory and come back when they are touched; others stay") {
  const TemporaryTree tree;
  const MappedFile journal(tree / "system.journal"), other(tree / "other");
  REQUIRE(journal.resident_kb() == kSize >> 10);
  drop_mapped_pages("system.journal");
  CHECK(journal.resident_kb() == 0);
  CHECK(other.resident_kb() == kSize >> 10);
  CHECK(journal.place[kSize - 1] == 'x');
}

TEST_CASE("Every mapping is told once with its place, its size and its file") {
  const TemporaryTree tree;
  const MappedFile file(tree / "a b");
  int found = 0;
  REQUIRE(each_mapping([&](const Mapping& mapping) {
    if (mapping.path != file.path) return;
    ++found;
    CHECK(mapping.begin == file.place);
    CHECK(mapping.size == kSize);
    CHECK(mapping.permissions == "r--s");
  }));
  CHECK(found == 1);
}
