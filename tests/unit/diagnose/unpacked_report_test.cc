#include "exporter/diagnose/unpacked_report.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <numeric>

#include "exporter/base/refused.h"
#include "tests/unit/tree.h"

namespace fencewatch {
namespace {

// One file of a tar archive, POSIX.1 ustar.
std::string member(const std::string& name, const std::string& text) {
  std::string head(512, '\0');
  const auto put = [&](size_t at, const std::string& field) { std::memcpy(head.data() + at, field.data(), field.size()); };
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", text.size());
  put(0, name);
  put(100, "0000644");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar");
  put(263, "00");
  char sum[8];
  std::snprintf(sum, sizeof sum, "%06o",
                std::accumulate(head.begin(), head.end(), 0u, [](unsigned all, char c) { return all + static_cast<unsigned char>(c); }));
  put(148, sum);
  std::string body = text;
  body.resize((text.size() + 511) / 512 * 512, '\0');
  return head + body;
}

struct Packed : TemporaryTree {
  explicit Packed(const std::string& members) { file("report.tar", members + std::string(1024, '\0')); }
  std::string path() const { return *this / "report.tar"; }
};

size_t files_below(const std::string& directory) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) files += entry.is_regular_file();
  return files;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("of a report what diagnose reads is unpacked, and is gone afterwards") {
    const Packed packed(member("s/proc/version", "Linux") + member("s/var/log/messages", "x\n") + member("s/opt/secret", "x") +
                        member("s/var/log/sa/sa01", "x"));
    std::string root;
    {
      const UnpackedReport report(packed.path(), {});
      root = report.root();
      CHECK(files_below(root) == 2);
      CHECK(report.unread().empty());
    }
    CHECK_FALSE(std::filesystem::exists(root));
  }

  TEST_CASE("files, entries and bytes are bounded, and what is left out is named") {
    std::string many;
    for (int i = 0; i < 10; ++i) many += member("s/var/log/messages." + std::to_string(i), std::string(1000, 'x'));
    const Packed packed(many);
    const UnpackedReport few(packed.path(), {.files = 3});
    CHECK(files_below(few.root()) == 3);
    CHECK(few.unread().size() == 1);
    const UnpackedReport short_list(packed.path(), {.entries = 4});
    CHECK(files_below(short_list.root()) == 4);
    CHECK(short_list.unread().size() == 1);
    const UnpackedReport small(packed.path(), {.bytes = 2500});
    CHECK(small.unread().size() == 8);
  }

  TEST_CASE("what is no archive, or of no node, is refused with its name") {
    const Packed empty(""), other(member("s/opt/x", "x"));
    for (const std::string& path : {empty.path(), other.path(), empty / "none"}) {
      CAPTURE(path);
      CHECK_THROWS_AS(UnpackedReport(path, {}), Refused);
    }
  }

  TEST_CASE("of every prefix of an archive as much is read as is whole") {
    const std::string whole = member("s/proc/version", "Linux") + member("s/var/log/messages", "x\n");
    for (size_t n = 0; n < whole.size(); n += 37) {
      TemporaryTree tree;
      tree.file("report.tar", whole.substr(0, n));
      try {
        const UnpackedReport report(tree / "report.tar", {});
        CHECK(files_below(report.root()) <= 2);
      } catch (const Refused&) {
      }
    }
  }

  TEST_CASE("what diagnose reads") {
    for (const char* path :
         {"proc/zoneinfo", "var/log/messages-20241103.xz", "etc/localtime", "sos_commands/date/date", "var/crash/1/vmcore-dmesg.txt"})
      CHECK(is_read(path));
    for (const char* path : {"etc/shadow", "var/log/sa/sa01", "var/crash/1/vmcore", "home/x", ""}) CHECK_FALSE(is_read(path));
  }
}

}  // namespace fencewatch
