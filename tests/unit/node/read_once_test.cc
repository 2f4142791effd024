#include "exporter/node/read_once.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>

using namespace fencewatch;

namespace {

struct Counting : Node {
  Status read(std::string_view path, Bytes& out) const override {
    out.clear();
    if (path == "missing") return {Code::missing, 0, path, {}};
    out.append(std::string(path) + std::to_string(++reads));
    return {};
  }
  Status list(std::string_view, Names&) const override { return {}; }
  long page_size() const override { return 4096; }
  mutable int reads = 0;
};

std::string read(const Node& node, std::string_view path) {
  Bytes out;
  const Status status = node.read(path, out);
  return status ? std::string(out.view()) : std::string(name(status.code));
}

}  // namespace

TEST_CASE("what two collectors want is read once in each round, from the second round on") {
  const Counting counting;
  ReadOnce node(counting);
  node.renew();
  CHECK(read(node, "a") == "a1");
  CHECK(read(node, "a") == "a2");
  CHECK(read(node, "a") == "a2");
  node.renew();
  CHECK(read(node, "a") == "a3");
  CHECK(read(node, "a") == "a3");
  CHECK(read(node, "b") == "b4");
  CHECK(read(node, "a") == "a3");
  node.renew();
  CHECK(read(node, "b") == "b5");
  CHECK(read(node, "a") == "a6");
}

TEST_CASE("faults are not kept") {
  const Counting counting;
  ReadOnce node(counting);
  for (int round = 0; round < 3; ++round) {
    node.renew();
    CHECK(read(node, "missing") == "missing");
    CHECK(read(node, "missing") == "missing");
  }
}

TEST_CASE("more files than have a place are read each time") {
  const Counting counting;
  ReadOnce node(counting);
  for (int round = 1; round <= 2; ++round) {
    node.renew();
    for (int i = 0; i < 100; ++i) CHECK(read(node, "f" + std::to_string(i) + " ") != "");
  }
  CHECK(counting.reads == 200);
  CHECK(read(node, "f99 ") == "f99 201");
  CHECK(read(node, "f99 ") == "f99 202");
}
