#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "exporter/recorder/last_boot.h"
#include "exporter/recorder/read_ring.h"
#include "exporter/recorder/ring_file.h"
#include "tests/unit/tree.h"

namespace fencewatch {
namespace {

constexpr char kBoot[] = "5c3e6d0a-1111-2222-3333-444455556666";
constexpr int64_t kNoon = 1'700'000'000'000;

std::unique_ptr<Record> record_of(int64_t time_ms, int64_t free, bool distress = false) {
  auto record = std::make_unique<Record>();
  record->clear(time_ms);
  record->put("zone_free_pages", "0", "Normal", free);
  record->put("direct_stalls_total", 7 * (free % 1'000'000));
  if (distress) record->distress();
  return record;
}

std::string bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// A ring in which `blocks` blocks of one record each were written.
std::string ring_of(const std::string& directory, uint64_t size, int blocks, const char* boot = kBoot) {
  RingFile file;
  REQUIRE(file.open(directory, size));
  BlockWriter block(bytes_of_boot(boot));
  for (int i = 0; i < blocks; ++i) {
    REQUIRE(block.add(*record_of(kNoon + 1000 * i, i)));
    REQUIRE(file.append(block));
  }
  return bytes_of(directory + "/" + RingFile::kName);
}

TEST_CASE("a key is made of few characters, and what does not fit is left out and told") {
  const auto record = std::make_unique<Record>();
  record->clear(1);
  record->put("a b", "x/y", "\"z\n", 5);
  CHECK(record->key(0) == "a_b/x_y/_z_");
  CHECK_FALSE(record->cut());
  for (int i = 0; i < 400; ++i) record->put("value", std::to_string(i), "", i);
  CHECK(record->cut());
  CHECK(record->size() <= Record::kMost);
  record->clear(2);
  CHECK(record->size() == 0);
  CHECK_FALSE(record->cut());
}

TEST_CASE("records come back as they were, several in a block") {
  BlockWriter writer(bytes_of_boot(kBoot));
  for (int i = 0; i < 5; ++i) REQUIRE(writer.add(*record_of(kNoon + 1000 * i, 100 - 60 * i, i == 4)));
  std::array<char, kBlockSize> bytes;
  writer.finish(9, bytes);
  RingBlock block;
  REQUIRE(decode({bytes.data(), bytes.size()}, block));
  CHECK(block.sequence == 9);
  CHECK(block.boot_id == "5c3e6d0a111122223333444455556666");
  CHECK(block.keys == std::vector<std::string>{"zone_free_pages/0/Normal", "direct_stalls_total"});
  REQUIRE(block.rows.size() == 5);
  CHECK(block.rows[3].time_ms == kNoon + 3000);
  CHECK(block.rows[3].values == std::vector<int64_t>{-80, -560});
  CHECK(block.rows[4].distress);
  CHECK_FALSE(block.rows[3].distress);
  CHECK(writer.empty());
}

TEST_CASE("other keys need another block; extreme values and the largest record fit into an empty one") {
  BlockWriter writer(bytes_of_boot(kBoot));
  auto record = record_of(kNoon, INT64_MAX);
  REQUIRE(writer.add(*record));
  record->clear(kNoon + 1);
  record->put("zone_free_pages", "0", "Normal", INT64_MIN);
  CHECK_FALSE(writer.add(*record));
  record->put("direct_stalls_total", 3);
  REQUIRE(writer.add(*record));
  record->put("another", 3);
  CHECK_FALSE(writer.add(*record));
  std::array<char, kBlockSize> bytes;
  writer.finish(0, bytes);
  RingBlock block;
  REQUIRE(decode({bytes.data(), bytes.size()}, block));
  CHECK(block.rows[1].values == std::vector<int64_t>{INT64_MIN, 3});

  record->clear(0);
  for (int i = 0; i < 300; ++i) record->put("some_long_name_of_a_value", std::to_string(i), "", i % 2 ? INT64_MIN : INT64_MAX);
  REQUIRE(writer.add(*record));
  writer.finish(1, bytes);
  REQUIRE(decode({bytes.data(), bytes.size()}, block));
  CHECK(block.rows[0].cut);
  CHECK(block.rows[0].time_ms == 0);
  CHECK(block.rows[0].values[1] == INT64_MIN);

  for (const int64_t never : {INT64_MIN, int64_t{-1}, INT64_MAX}) {  // no clock has told that
    record->clear(never);
    record->put("direct_stalls_total", 3);
    REQUIRE(writer.add(*record));
    writer.finish(2, bytes);
    CHECK_FALSE(decode({bytes.data(), bytes.size()}, block));
  }
}

TEST_CASE("a block with any bit flipped is none, and so is every prefix of it") {
  BlockWriter writer(bytes_of_boot(kBoot));
  REQUIRE(writer.add(*record_of(kNoon, 5)));
  std::array<char, kBlockSize> bytes;
  writer.finish(3, bytes);
  RingBlock block;
  for (size_t bit = 0; bit < 8 * kBlockSize; bit += bit < 1024 ? 1 : 37) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    CHECK_FALSE(decode({bytes.data(), bytes.size()}, block));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
  for (size_t size = 0; size < kBlockSize; ++size) CHECK_FALSE(decode({bytes.data(), size}, block));
  CHECK(decode({bytes.data(), bytes.size()}, block));
}

TEST_CASE("of every prefix of a ring the whole blocks are read") {
  const TemporaryTree directory;
  const std::string ring = ring_of(directory.root(), 6, 4);
  REQUIRE(ring.size() == 7 * kBlockSize);
  Ring read;
  for (size_t size = 0; size <= ring.size(); size += size % kBlockSize < 60 ? 1 : 509) {
    const Status status = read_ring(std::string_view(ring).substr(0, size), read);
    CHECK(bool(status) == (size >= kBlockSize));
    if (status) CHECK(read.blocks.size() == std::min<size_t>(4, size / kBlockSize - 1));
    CHECK(read.torn == 0);
  }
}

TEST_CASE("the ring goes round, and goes on after a restart; the latest are kept, in order") {
  const TemporaryTree directory;
  ring_of(directory.root(), 6, 10);
  const std::string ring = ring_of(directory.root(), 6, 3);
  Ring read;
  REQUIRE(read_ring(ring, read));
  REQUIRE(read.blocks.size() == 6);
  for (size_t i = 0; i < 6; ++i) CHECK(read.blocks[i].sequence == 7 + i);
  CHECK(read.blocks[5].rows[0].values[0] == 2);
}

TEST_CASE("a torn last block is left out, its place is used again") {
  const TemporaryTree directory;
  std::string ring = ring_of(directory.root(), 6, 4);
  {
    std::fstream file(directory.root() + "/" + RingFile::kName, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4 * kBlockSize + 20);
    file << "torn";
  }
  Ring read;
  REQUIRE(read_ring(bytes_of(directory.root() + "/" + RingFile::kName), read));
  CHECK(read.blocks.size() == 3);
  CHECK(read.torn == 1);
  ring = ring_of(directory.root(), 6, 1);
  REQUIRE(read_ring(ring, read));
  CHECK(read.blocks.size() == 4);
  CHECK(read.blocks.back().sequence == 3);
  CHECK(read.torn == 0);
}

TEST_CASE("a ring of another size or a file that is none is kept aside; two do not record in one place") {
  const TemporaryTree directory;
  const std::string small = ring_of(directory.root(), 6, 4);
  const std::string larger = ring_of(directory.root(), 8, 1);
  CHECK(larger.size() == 9 * kBlockSize);
  CHECK(bytes_of(directory.root() + "/" + RingFile::kAside) == small);
  std::ofstream(directory.root() + "/" + RingFile::kName, std::ios::binary) << "no ring";
  Ring read;
  REQUIRE(read_ring(ring_of(directory.root(), 8, 1), read));
  CHECK(read.blocks.size() == 1);
  CHECK(bytes_of(directory.root() + "/" + RingFile::kAside) == "no ring");

  RingFile first, second;
  REQUIRE(first.open(directory.root(), 8));
  CHECK(second.open(directory.root(), 8).code == Code::refused);
  CHECK(second.open(directory.root() + "/no/such", 8).code == Code::missing);
}

TEST_CASE("of the boot before the last five minutes are told: what is counted by its increase, the rest by its range") {
  const TemporaryTree directory;
  ring_of(directory.root(), 500, 3, "00000000-0000-0000-0000-000000000001");
  ring_of(directory.root(), 500, 400, "00000000-0000-0000-0000-000000000002");
  ring_of(directory.root(), 500, 2);
  RingFile file;
  REQUIRE(file.open(directory.root(), 500));
  LastBoot last;
  file.each_of_boot_before(bytes_of_boot(kBoot), [&](const RingBlock& block) { return last.add(block); });
  CHECK(last.last_ms() == kNoon + 399'000);
  std::string told;
  last.each([&told](std::string_view quantity, std::string_view stat, int64_t value) {
    told.append(quantity).append(" ").append(stat).append(" ").append(std::to_string(value)).append("\n");
  });
  CHECK(told ==
        "direct_stalls_total increase 2100\nzone_free_pages/0/Normal last 399\nzone_free_pages/0/Normal lowest 99\n"
        "zone_free_pages/0/Normal highest 399\n");
  Ring ring;
  REQUIRE(read_ring(bytes_of(directory.root() + "/" + RingFile::kName), ring));
  std::string of_ring;
  LastBoot::of(ring).each([&of_ring](std::string_view quantity, std::string_view stat, int64_t value) {
    of_ring.append(quantity).append(" ").append(stat).append(" ").append(std::to_string(value)).append("\n");
  });
  CHECK(of_ring == told);
  CHECK_FALSE(LastBoot::of({}).last_ms());
  LastBoot none;
  file.each_of_boot_before(bytes_of_boot("00000000-0000-0000-0000-000000000002"), [&](const RingBlock& block) { return none.add(block); });
  CHECK(none.last_ms() == kNoon + 1000);
}

TEST_CASE("a ring is printed as JSON lines and as CSV, with an empty field where a record has no such value") {
  const TemporaryTree directory;
  {
    RingFile file;
    REQUIRE(file.open(directory.root(), 6));
    BlockWriter block(bytes_of_boot(kBoot));
    REQUIRE(block.add(*record_of(kNoon + 5, 1, true)));
    REQUIRE(file.append(block));
    const auto other = std::make_unique<Record>();
    other->clear(kNoon + 1000);
    other->put("runnable_tasks", 4);
    REQUIRE(block.add(*other));
    REQUIRE(file.append(block));
  }
  Ring ring;
  REQUIRE(read_ring(bytes_of(directory.root() + "/" + RingFile::kName), ring));
  CHECK(ring_to_csv(ring) ==
        "time,boot,distress,cut,zone_free_pages/0/Normal,direct_stalls_total,runnable_tasks\n"
        "2023-11-14T22:13:20.005Z,5c3e6d0a111122223333444455556666,1,0,1,7,\n"
        "2023-11-14T22:13:21.000Z,5c3e6d0a111122223333444455556666,0,0,,,4\n");
  CHECK(ring_to_json_lines(ring) ==
        "{\"time\":\"2023-11-14T22:13:20.005Z\",\"boot\":\"5c3e6d0a111122223333444455556666\",\"distress\":true,\"cut\":false,"
        "\"values\":{\"zone_free_pages/0/Normal\":1,\"direct_stalls_total\":7}}\n"
        "{\"time\":\"2023-11-14T22:13:21.000Z\",\"boot\":\"5c3e6d0a111122223333444455556666\",\"distress\":false,\"cut\":false,"
        "\"values\":{\"runnable_tasks\":4}}\n");
}

TEST_CASE("killed two hundred times at any moment, nothing that was told as written is missing") {
  const TemporaryTree directory;
  std::mt19937 random(4711);
  uint64_t next = 0;  // of the records
  for (int round = 0; round < 200; ++round) {
    int told[2];
    REQUIRE(pipe(told) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      RingFile file;
      if (!file.open(directory.root(), 64)) _exit(1);
      BlockWriter block(bytes_of_boot(kBoot));
      for (uint64_t i = next;; ++i) {
        block.add(*record_of(kNoon + static_cast<int64_t>(i), static_cast<int64_t>(i)));
        if (!file.append(block) || write(told[1], &i, sizeof i) != sizeof i) _exit(1);
      }
    }
    close(told[1]);
    uint64_t last = 0;
    for (unsigned i = 0; i <= random() % 8; ++i) REQUIRE(read(told[0], &last, sizeof last) == sizeof last);
    kill(child, SIGKILL);
    for (uint64_t more = 0; read(told[0], &more, sizeof more) == sizeof more;) last = more;
    close(told[0]);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    Ring ring;
    REQUIRE(read_ring(bytes_of(directory.root() + "/" + RingFile::kName), ring));
    CHECK(ring.torn == 0);
    REQUIRE_FALSE(ring.blocks.empty());
    const auto newest = static_cast<uint64_t>(ring.blocks.back().rows[0].values[0]);
    CHECK(newest >= last);
    CHECK(newest <= last + 1);
    // The latest form one row without a hole: each sequence has the record that was written under it.
    for (size_t i = 1; i < ring.blocks.size(); ++i) {
      CHECK(ring.blocks[i].sequence == ring.blocks[i - 1].sequence + 1);
      CHECK(ring.blocks[i].rows[0].values[0] == ring.blocks[i - 1].rows[0].values[0] + 1);
    }
    next = newest + 1;
  }
}

}  // namespace
}  // namespace fencewatch
