// How fast zoneinfo is parsed: whole passes over one text in memory, the best of several rounds (what others run on the machine
// can only add).
//   parse FILE
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "collectors/memory/zoneinfo.h"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  std::ifstream in(argc == 2 ? argv[1] : "", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.empty()) {
    std::fprintf(stderr, "usage: parse FILE\n");
    return 2;
  }
  constexpr int kRounds = 20, kPasses = 200;
  fencewatch::Zoneinfo zones;
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    for (int pass = 0; pass < kPasses; ++pass) {
      if (!fencewatch::parse_zoneinfo(text, zones)) {
        std::fprintf(stderr, "parse: %s is malformed\n", argv[1]);
        return 1;
      }
    }
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count() / kPasses);
  }
  std::printf("bytes=%zu us=%.1f MBps=%.0f\n", text.size(), best * 1e6, static_cast<double>(text.size()) / best / 1e6);
}
