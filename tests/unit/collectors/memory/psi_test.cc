#include "collectors/memory/psi.h"

#include <doctest/doctest.h>

#include "tests/unit/prefixes.h"
#include "tests/unit/trees.h"

using namespace fencewatch;

namespace {

Psi parsed(std::string_view text) {
  Psi out;
  const Status status = parse_psi(text, out);
  CAPTURE(status.line);
  CAPTURE(status.text);
  REQUIRE(status);
  return out;
}

void refused(std::string_view text, uint32_t line, std::string_view what) {
  Psi out;
  const Status status = parse_psi(text, out);
  CHECK(name(status.code) == name(Code::malformed));
  CHECK(status.line == line);
  CHECK(status.text == what);
}

constexpr std::string_view kSome = "some avg10=0.21 avg60=0.29 avg300=0.08 total=446425\n";
constexpr std::string_view kFull = "full avg10=0.21 avg60=0.29 avg300=0.08 total=445652\n";

}  // namespace

TEST_CASE("psi: both lines, in any order") {
  for (const std::string& text : {std::string(kSome).append(kFull), std::string(kFull).append(kSome)}) {
    const Psi psi = parsed(text);
    CHECK(psi.some == 446425);
    CHECK(psi.full == 445652);
  }
}

TEST_CASE("psi: cpu before 5.13 has no full, irq no some") {
  CHECK(parsed(kSome).some == 446425);
  CHECK(!parsed(kSome).full);
  CHECK(parsed(kFull).full == 445652);
  CHECK(!parsed(kFull).some);
}

TEST_CASE("psi: fields and lines that are new are left alone") {
  const Psi psi = parsed("some avg10=0.00 total_new=1 subtotal=2 total=3 more=4\nother avg10=x total=y\n\n");
  CHECK(psi.some == 3);
  CHECK(!psi.full);
}

TEST_CASE("psi: what cannot be is refused with its line") {
  refused("", 1, "the file is empty");
  refused(kSome.substr(0, kSome.size() - 1), 1, "the file is cut off");
  refused(std::string(kSome) + "full avg10=0.2", 2, "the file is cut off");
  refused("\n", 1, "neither some nor full");
  refused("something total=1\n", 1, "neither some nor full");
  refused(std::string(kSome) + "full avg10=0.21\n", 2, "no total= in microseconds");
  for (const char* total : {"", "x", "-1", "1.5", "1us", "18446744073709551616"}) {
    CAPTURE(total);
    refused(std::string(kSome) + "full total=" + total + "\n", 2, "no total= in microseconds");
  }
  refused(std::string(kSome).append(kFull).append(kSome), 3, "the same line twice");
}

TEST_CASE("psi: a file cut anywhere is refused, or is whole up to there") {
  for (const char* resource : {"cpu", "memory", "io"}) {
    const std::string text = test::slurp(FIXTURES "/kernel/linux-6.1-pressure/proc/pressure/" + std::string(resource));
    const Psi whole = parsed(text);
    size_t accepted = 0;
    test::each_prefix(text, [&](std::string_view prefix) {
      Psi psi;
      if (!parse_psi(prefix, psi)) return;
      ++accepted;
      CHECK(psi.some == whole.some);
      CHECK(!psi.full);
    });
    CHECK(accepted == 1);  // behind the first line
  }
}
