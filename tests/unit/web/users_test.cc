#include "exporter/web/users.h"

#include <crypt.h>
#include <doctest/doctest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

using namespace fencewatch;
using Verdict = Users::Verdict;

namespace {

std::string hashed(const char* password, const char* prefix = "$2b$", unsigned long cost = 4) {
  char salt[CRYPT_GENSALT_OUTPUT_SIZE];
  REQUIRE(crypt_gensalt_rn(prefix, cost, nullptr, 0, salt, sizeof salt) != nullptr);
  crypt_data scratch{};
  return crypt_r(password, salt, &scratch);
}

struct Door {
  std::mutex mutex;
  std::condition_variable rung;
  int rings = 0;
  Users users{[this] {
    const std::lock_guard lock(mutex);
    ++rings;
    rung.notify_all();
  }};
  std::map<uint64_t, bool> told;
  uint64_t tickets = 0;

  void hear() {
    for (Users::Told one{}; users.next(one);) told[one.ticket] = one.verdict == Verdict::proven;
  }
  bool wait(uint64_t ticket) {
    std::unique_lock lock(mutex);
    rung.wait(lock, [&] {
      hear();
      return told.contains(ticket);
    });
    return told[ticket];
  }
  // What comes of it in the end.
  Verdict ask(const WebConfig::Users& list, std::string_view name, std::string_view password) {
    const Verdict verdict = users.check(list, name, password, 1, ++tickets);
    if (verdict != Verdict::pending) return verdict;
    return wait(tickets) ? Verdict::proven : Verdict::refused;
  }
};

}  // namespace

TEST_CASE("users: every kind of bcrypt hash proves its password and no other") {
  Door door;
  for (const char* prefix : {"$2a$", "$2b$", "$2y$"}) {
    const WebConfig::Users list{{"scraper", hashed("s3cret:with colon", prefix)}};
    CHECK(door.ask(list, "scraper", "s3cret:with colon") == Verdict::proven);
    for (const char* wrong : {"", "s3cret", "S3cret:with colon"}) CHECK(door.ask(list, "scraper", wrong) == Verdict::refused);
    CHECK(door.ask(list, "Scraper", "s3cret:with colon") == Verdict::refused);
  }
}

TEST_CASE("users: who has proven himself is known at once, until his hash changes") {
  Door door;
  WebConfig::Users list{{"a", hashed("secret")}};
  CHECK(door.users.check(list, "a", "secret", 1, 100) == Verdict::pending);
  CHECK(door.wait(100));
  CHECK(door.users.check(list, "a", "secret", 1, 101) == Verdict::proven);
  CHECK(door.users.check(list, "a", "Secret", 1, 102) == Verdict::pending);
  CHECK(!door.wait(102));
  list["a"] = hashed("secret");  // another salt
  CHECK(door.users.check(list, "a", "secret", 1, 103) == Verdict::pending);
  CHECK(door.wait(103));
  CHECK(door.users.check({}, "a", "secret", 1, 104) == Verdict::pending);  // removed
  CHECK(!door.wait(104));
}

TEST_CASE("users: a NUL does not end a password") {
  Door door;
  const WebConfig::Users list{{"a", hashed("secret")}};
  CHECK(door.ask(list, "a", std::string_view("secret\0x", 8)) == Verdict::refused);
  CHECK(door.ask(list, "a", std::string(256, 'x')) == Verdict::refused);
}

TEST_CASE("users: a name that nobody has is hashed at the highest cost, and never proven") {
  const WebConfig::Users list{{"a", hashed("secret", "$2b$", 4)}, {"b", hashed("secret", "$2b$", 5)}};
  bool known = true;
  const std::string dummy = hash_for(list, "nobody", known);
  CHECK(!known);
  CHECK(dummy.starts_with("$2b$05$"));
  crypt_data scratch{};
  CHECK(std::string(crypt_r("x", dummy.c_str(), &scratch)).substr(0, 7) == "$2b$05$");  // bcrypt takes it, so it costs what it should
  Door door;
  CHECK(door.users.check(list, "nobody", "secret", 1, 1) == Verdict::pending);
  CHECK(!door.wait(1));
}

TEST_CASE("users: a flood from one address leaves room for others, and known users do not wait") {
  Door door;
  const WebConfig::Users list{{"a", hashed("secret", "$2b$", 4)}, {"slow", hashed("x", "$2b$", 10)}};
  REQUIRE(door.ask(list, "a", "secret") == Verdict::proven);
  uint64_t ticket = 1000;
  int busy = 0;
  for (int i = 0; i < 20; ++i) busy += door.users.check(list, "slow", "wrong", 7, ++ticket) == Verdict::busy;
  CHECK(busy > 0);
  CHECK(door.users.check(list, "a", "secret", 7, ++ticket) == Verdict::proven);
  CHECK(door.users.check(list, "slow", "wrong", 8, ++ticket) == Verdict::pending);
  for (Users::From from = 100; from < 200; ++from) busy += door.users.check(list, "slow", "wrong", from, ++ticket) == Verdict::busy;
  CHECK(busy > 60);  // the queue is bounded
  CHECK(door.users.check(list, "a", "secret", 7, ++ticket) == Verdict::proven);
}

TEST_CASE("users: a right password that was never proven gets a place and its turn among wrong ones from many addresses") {
  Door door;
  const WebConfig::Users list{{"a", hashed("secret", "$2b$", 4)}, {"slow", hashed("x", "$2b$", 9)}};
  uint64_t ticket = 1000;
  for (Users::From from = 100; from < 160; ++from) {  // each address has failed once
    REQUIRE(door.users.check(list, "a", "wrong", from, ++ticket) == Verdict::pending);
    CHECK(!door.wait(ticket));
  }
  const uint64_t flood = ticket;
  for (Users::From from = 100; from < 160; ++from) (void)door.users.check(list, "slow", "wrong", from, ++ticket);
  CHECK(door.users.check(list, "slow", "wrong", 100, ++ticket) == Verdict::busy);  // it is no better than those that wait
  const uint64_t own = ++ticket;
  REQUIRE(door.users.check(list, "a", "secret", 7, own) == Verdict::pending);
  CHECK(door.wait(own));
  int before = 0;
  for (const auto& [told, proven] : door.told) before += told > flood && told < own;
  CHECK(before <= 4);  // the one at work, the one that made room, and what came in between
}

TEST_CASE("users: credentials of a header") {
  std::array<char, 1024> buffer{};
  std::string_view name, password;
  CHECK(basic_credentials("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", buffer, name, password));
  CHECK(name == "Aladdin");
  CHECK(password == "open sesame");
  CHECK(basic_credentials("bAsIc  OjpiOg", buffer, name, password));
  CHECK(name == "");
  CHECK(password == ":b:");
  for (const char* wrong : {"", "Basic", "Basic ", "Bearer YTpi", "Basic YTpi!", "Basic YT=pi", "Basic Y", "Basic YWI=", "BasicYTpi"})
    CHECK(!basic_credentials(wrong, buffer, name, password));
  CHECK(!basic_credentials("Basic " + std::string(1400, 'Y'), buffer, name, password));
}
