// Tests run in the root of the checkout: FIXTURES is relative to it.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>

#include "tests/unit/collectors/fake_corosync.h"

const char* const fencewatch::test::kCorosync2 = COROSYNC_2_DIRECTORY;
const char* const fencewatch::test::kCorosync3 = COROSYNC_3_DIRECTORY;

int main(int argc, char** argv) {
  if (chdir(SOURCE_DIRECTORY) != 0) return std::perror(SOURCE_DIRECTORY), 1;
  doctest::Context context(argc, argv);
  return context.run();
}
