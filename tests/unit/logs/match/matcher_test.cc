#include "exporter/logs/match/matcher.h"

#include <doctest/doctest.h>
#include <re2/re2.h>

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>

#include "exporter/logs/match/literal_search.h"
#include "exporter/logs/match/literals.h"
#include "tests/unit/logs/fakes.h"

namespace fencewatch {
namespace {

using test::Hearer;
using test::kernel_line;
using test::kernel_pattern;
using Heard = std::vector<std::string>;

size_t tell(Matcher& matcher, const Line& line) {
  const size_t found = matcher.find(line);
  matcher.tell(line);
  return found;
}

// What the lines make a collector with these patterns hear.
Heard heard(std::vector<Pattern> patterns, const std::vector<std::string>& lines, int64_t memory = Matcher::kMemory) {
  Hearer hearer(std::move(patterns));
  Collector* collectors[] = {&hearer};
  Matcher matcher(collectors, memory);
  for (const std::string& line : lines) tell(matcher, kernel_line(line));
  return hearer.heard;
}

re2::RE2::Options latin1() {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  return options;
}

Heard literals(std::string_view expression) {
  Heard found = required_literals(expression, latin1(), LiteralSearch::kShortest);
  std::sort(found.begin(), found.end());
  return found;
}

std::set<uint32_t> sieved(const LiteralSearch& sieve, std::string_view text) {
  std::set<uint32_t> found;
  sieve.search(text, [&](uint32_t id) { found.insert(id); });
  return found;
}

std::string random_text(std::mt19937& random, std::string_view letters, size_t most) {
  std::string text(random() % (most + 1), ' ');
  for (char& c : text) c = letters[random() % letters.size()];
  return text;
}

}  // namespace

TEST_SUITE("events matcher") {
  TEST_CASE("the literals of an expression are those without which nothing matches") {
    CHECK(literals("Killed process (\\d+)") == Heard{"killed process "});
    CHECK(literals("link: host: (\\d+) link: (\\d+) is (?:up|down)") == Heard{"link: host: "});
    CHECK(literals("out of memory|oom-kill:") == Heard{"oom-kill:", "out of memory"});
    CHECK(literals("(?:out of memory|x+): total-vm") == Heard{": total-vm"});
    CHECK(literals("(?i)Hung_Task") == Heard{"hung_task"});
    CHECK(literals("\\d+ ms").size() == 1);
    CHECK(literals("ab") == Heard{});
    CHECK(literals("\\d+") == Heard{});
    CHECK(literals("(?:oom-kill)?") == Heard{});
    CHECK(literals("") == Heard{});
    CHECK(literals("(") == Heard{});
  }

  TEST_CASE("the sieve finds every literal wherever it stands, and nothing in a text without") {
    LiteralSearch sieve;
    const std::string words[] = {"killed process", "oom", "Out of memory", "[KNET  ]", "is up", "killed"};
    for (uint32_t i = 0; i < std::size(words); ++i) sieve.add(words[i], i);
    sieve.build();
    for (uint32_t i = 0; i < std::size(words); ++i) {
      CAPTURE(words[i]);
      for (size_t before = 0; before < 40; ++before) {
        const std::string text = std::string(before, '-') + words[i];
        CHECK(sieved(sieve, text).contains(i));
        CHECK(sieved(sieve, text + "--").contains(i));
        CHECK_FALSE(sieved(sieve, text.substr(0, text.size() - 1)).contains(i));
      }
    }
    CHECK(sieved(sieve, "KILLED PROCESS").contains(0));
    CHECK(sieved(sieve, "").empty());
    CHECK(sieved(sieve, "k").empty());
    CHECK(sieved(sieve, std::string(8192, 'k')).empty());
    CHECK(sieved(LiteralSearch(), "oom").empty());
  }

  TEST_CASE("the sieve keeps more literals apart than it has buckets") {
    LiteralSearch sieve;
    std::vector<std::string> words;
    std::mt19937 random(1);
    for (uint32_t i = 0; i < 500; ++i) {
      words.push_back("word" + std::to_string(i) + random_text(random, "abcdefgh", 6));
      sieve.add(words.back(), i);
    }
    sieve.build();
    for (uint32_t i = 0; i < words.size(); ++i) CHECK(sieved(sieve, "a " + words[i] + " z").contains(i));
  }

  TEST_CASE("the sieve and a plain search agree on random texts") {
    std::mt19937 random(2);
    for (int round = 0; round < 300; ++round) {
      LiteralSearch sieve;
      std::vector<std::string> words;
      for (uint32_t i = 0; i < 1 + random() % 8; ++i) {
        words.push_back("ab" + random_text(random, "abc", 5) + "c");
        sieve.add(words.back(), i);
      }
      sieve.build();
      const std::string text = random_text(random, "abc", 200);
      const std::set<uint32_t> found = sieved(sieve, text);
      for (uint32_t i = 0; i < words.size(); ++i) CHECK(found.contains(i) == (text.find(words[i]) != text.npos));
    }
  }

  TEST_CASE("groups come with the match, and what no parenthesis caught is empty") {
    CHECK(heard({kernel_pattern("Killed process (\\d+) \\((.*)\\)(?:, UID (\\d+))?")}, {"Out of memory: Killed process 7 (a b) x"}) ==
          Heard{"0:Out of memory: Killed process 7 (a b) x|7|a b|"});
  }

  TEST_CASE("several patterns of several collectors hear one line, in the order of the table") {
    Hearer first({kernel_pattern("memory"), kernel_pattern("^Out"), kernel_pattern("disk")});
    Hearer second({kernel_pattern("of memory")});
    Collector* collectors[] = {&first, &second};
    Matcher matcher(collectors);
    std::vector<std::string> order;
    first.then = [&](const Match& match) { order.push_back("first" + std::to_string(match.pattern)); };
    second.then = [&](const Match& match) { order.push_back("second" + std::to_string(match.pattern)); };
    CHECK(tell(matcher, kernel_line("Out of memory")) == 3);
    CHECK(order == Heard{"first0", "first1", "second0"});
    CHECK(tell(matcher, kernel_line("nothing of the kind")) == 0);
    CHECK(order.size() == 3);
  }

  TEST_CASE("a channel hears its own patterns only") {
    Hearer hearer({kernel_pattern("token"), {Channel::corosync, "token", ""}});
    Collector* collectors[] = {&hearer};
    Matcher matcher(collectors);
    CHECK(tell(matcher, {Channel::corosync, "token lost", "corosync", 0, 1}) == 1);
    CHECK(hearer.heard == Heard{"1:token lost"});
    CHECK(matcher.wants(Channel::kernel));
    CHECK_FALSE(matcher.wants(Channel::sbd));
    CHECK(tell(matcher, {Channel::sbd, "token lost", "sbd", 0, 1}) == 0);
  }

  TEST_CASE("lines may hold any bytes") {
    const std::string strange = std::string("Killed process 1 (\xff\0\x80) total", 28);
    CHECK(heard({kernel_pattern("process (\\d+) \\((.*)\\) total")}, {strange}) ==
          Heard{"0:" + strange + "|1|" + std::string("\xff\0\x80", 3)});
    CHECK(heard({kernel_pattern("内存不足: (\\d+)")}, {"kylin: 内存不足: 12"}) == Heard{"0:kylin: 内存不足: 12|12"});
  }

  TEST_CASE("a pattern without a literal is heard as well") {
    CHECK(heard({kernel_pattern("\\d+"), kernel_pattern("[xy]+z$"), kernel_pattern("oom-kill")}, {"a 1", "xyz", "oom-kill: 2", "none"}) ==
          Heard{"0:a 1", "1:xyz", "0:oom-kill: 2", "2:oom-kill: 2"});
  }

  TEST_CASE("an expression that cannot be used refuses the start and is named") {
    const auto refusal = [](const std::string& expression) -> std::string {
      Hearer hearer({kernel_pattern(expression)});
      Collector* collectors[] = {&hearer};
      try {
        const Matcher matcher(collectors);
      } catch (const std::invalid_argument& e) {
        return e.what();
      }
      return "";
    };
    CHECK(refusal("a(b") == "pattern \"a(b\": missing ): a(b");
    CHECK(refusal("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)") == "");
    CHECK(refusal("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)").find("more than 16 groups") != std::string::npos);
  }

  TEST_CASE("what a collector throws stays with it") {
    Hearer first({kernel_pattern("oom")}), second({kernel_pattern("oom")});
    first.then = [](const Match&) { throw std::runtime_error("broken"); };
    Collector* collectors[] = {&first, &second};
    Matcher matcher(collectors);
    CHECK(tell(matcher, kernel_line("oom")) == 2);
    CHECK(tell(matcher, kernel_line("oom")) == 2);
    CHECK(second.heard.size() == 2);
  }

  TEST_CASE("a set without memory misses nothing and is counted") {
    std::vector<std::string> expressions;
    for (int i = 0; i < 40; ++i) expressions.push_back("[" + std::string(1, static_cast<char>('a' + i % 26)) + "-z]+[0-9]{3}$");
    std::vector<Pattern> patterns;
    for (const std::string& expression : expressions) patterns.push_back(kernel_pattern(expression));
    Hearer rich(patterns), poor(patterns);
    Collector* rich_alone[] = {&rich};
    Collector* poor_alone[] = {&poor};
    Matcher with(rich_alone), without(poor_alone, 24 << 10);
    for (const char* text : {"k123", "nothing", "a 9 zz999", "99"}) {
      tell(with, kernel_line(text));
      tell(without, kernel_line(text));
    }
    CHECK(rich.heard.size() == 62);
    CHECK(poor.heard == rich.heard);
    CHECK(with.fallbacks() == 0);
    CHECK(without.fallbacks() == 4);
  }

  TEST_CASE("the matcher and plain RE2 agree on random lines") {
    const std::vector<std::string> expressions = {
        "Killed process (\\d+) \\(([^)]*)\\)",
        "oom-kill:constraint=(\\w+)",
        "(?i)TOKEN.*(\\d+) ms",
        "is (up|down)",
        "a?b{2,3}[cd]$",
        "^host",
        "(?:link|host): \\d",
        "no active links|no killable",
        "[[:digit:]]{4}",
    };
    const std::string pieces[] = {"Killed process ",
                                  "12",
                                  " (x)",
                                  "oom-kill:constraint=",
                                  "CPUSET",
                                  "token ",
                                  " ms",
                                  "Token",
                                  "is up",
                                  "is down",
                                  "abbc",
                                  "host",
                                  ": ",
                                  "link",
                                  "no active links",
                                  "no killabl",
                                  "e",
                                  "2024",
                                  "\n",
                                  "\xff"};
    std::vector<Pattern> patterns;
    std::vector<std::unique_ptr<re2::RE2>> plain;
    for (const std::string& expression : expressions) {
      patterns.push_back(kernel_pattern(expression));
      plain.push_back(std::make_unique<re2::RE2>(expression, latin1()));
    }
    Hearer hearer(patterns);
    Collector* collectors[] = {&hearer};
    Matcher matcher(collectors);
    std::mt19937 random(3);
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (size_t n = random() % 8; n > 0; --n) text += pieces[random() % std::size(pieces)];
      Heard expected;
      for (size_t i = 0; i < expressions.size(); ++i)
        if (re2::RE2::PartialMatch(text, *plain[i])) expected.push_back(std::to_string(i) + ":" + text);
      hearer.heard.clear();
      tell(matcher, kernel_line(text));
      for (std::string& note : hearer.heard) note.resize(text.size() + 2);
      CAPTURE(text);
      REQUIRE(hearer.heard == expected);
    }
  }
}

}  // namespace fencewatch
