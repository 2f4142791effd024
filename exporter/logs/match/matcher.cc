#include "exporter/logs/match/matcher.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <array>
#include <bit>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "exporter/base/log.h"
#include "exporter/logs/match/literal_search.h"
#include "exporter/logs/match/literals.h"

namespace fencewatch {
namespace {

using re2::RE2;
using re2::StringPiece;

StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

RE2::Options options(int64_t memory) {
  RE2::Options options(RE2::Quiet);
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_max_mem(memory);
  return options;
}

struct Rule {
  Rule(Collector& c, size_t i, const Pattern& p, const RE2::Options& o)
      : collector(c), index(i), expression(piece(p.expression), o), groups(expression.NumberOfCapturingGroups()) {}

  void complain(std::string_view what) {
    if (!complained) log::error("a collector failed to count an event", {{"pattern", expression.pattern()}, {"text", what}});
    complained = true;
  }

  Collector& collector;
  const size_t index;  // in the collector's patterns()
  const RE2 expression;
  const int groups;
  bool complained = false;
};

class Bits {
 public:
  void resize(size_t n) { words_.resize((n + 63) / 64); }
  void set(size_t i) { words_[i / 64] |= uint64_t{1} << i % 64, any_ = true; }
  bool any() const { return any_; }
  // Calls visit(i) in ascending order and forgets them.
  template <class Visit>
  void drain(Visit&& visit) {
    for (size_t w = 0; w < words_.size(); ++w)
      for (; words_[w] != 0; words_[w] &= words_[w] - 1) visit(w * 64 + static_cast<size_t>(std::countr_zero(words_[w])));
    any_ = false;
  }

 private:
  std::vector<uint64_t> words_;
  bool any_ = false;
};

struct Rules {
  std::vector<std::unique_ptr<Rule>> all;
  LiteralSearch sieve;
  std::vector<uint32_t> loose;  // those without a literal
  std::optional<RE2::Set> set;  // of them; none when it needs more memory than it may have
  Bits candidates;
};

struct Hit {
  Rule* rule;
  size_t first_group;
};

}  // namespace

struct Matcher::Impl {
  std::array<Rules, kAllChannels> channels;
  std::vector<Hit> hits;
  std::vector<std::string_view> groups;  // of all hits
  std::vector<int> ids;                  // scratch of RE2::Set
  uint64_t fallbacks = 0;

  void add(Collector& collector, size_t index, const Pattern& pattern, int64_t memory);
  void build(Rules& rules, int64_t memory);
  void ask_set(Rules& rules, std::string_view text);
  void match(Rule& rule, std::string_view text);
};

void Matcher::Impl::add(Collector& collector, size_t index, const Pattern& pattern, int64_t memory) {
  const RE2::Options how = options(memory);
  auto rule = std::make_unique<Rule>(collector, index, pattern, how);
  const std::string shown = "pattern \"" + std::string(pattern.expression) + "\": ";
  if (!rule->expression.ok()) throw std::invalid_argument(shown + rule->expression.error());
  if (rule->groups > kMaxGroups) throw std::invalid_argument(shown + "more than " + std::to_string(kMaxGroups) + " groups");
  Rules& rules = channels[static_cast<size_t>(pattern.channel)];
  const auto id = static_cast<uint32_t>(rules.all.size());
  const std::vector<std::string> literals = required_literals(pattern.expression, how, LiteralSearch::kShortest);
  for (const std::string& literal : literals) rules.sieve.add(literal, id);
  if (literals.empty()) rules.loose.push_back(id);
  rules.all.push_back(std::move(rule));
  match(*rules.all.back(), pattern.example);  // what RE2 builds at the first match is there before memory is locked
}

void Matcher::Impl::build(Rules& rules, int64_t memory) {
  rules.sieve.build();
  rules.candidates.resize(rules.all.size());
  if (rules.loose.empty()) return;
  rules.set.emplace(options(memory), RE2::UNANCHORED);
  for (const uint32_t id : rules.loose) rules.set->Add(rules.all[id]->expression.pattern(), nullptr);
  if (!rules.set->Compile()) rules.set.reset();
}

void Matcher::Impl::ask_set(Rules& rules, std::string_view text) {
  // Out of memory, the set says "no match" unless it is asked for its error.
  RE2::Set::ErrorInfo error{RE2::Set::kOutOfMemory};
  if (rules.set && rules.set->Match(piece(text), &ids, &error)) {
    for (const int i : ids) rules.candidates.set(rules.loose[static_cast<size_t>(i)]);
  } else if (error.kind != RE2::Set::kNoError) {
    ++fallbacks;
    for (const uint32_t id : rules.loose) rules.candidates.set(id);
  }
}

void Matcher::Impl::match(Rule& rule, std::string_view text) {
  std::array<StringPiece, kMaxGroups + 1> found;
  if (!rule.expression.Match(piece(text), 0, text.size(), RE2::UNANCHORED, found.data(), rule.groups + 1)) return;
  hits.push_back({&rule, groups.size()});
  for (int i = 1; i <= rule.groups; ++i) groups.emplace_back(found[static_cast<size_t>(i)].data(), found[static_cast<size_t>(i)].size());
}

Matcher::Matcher(std::span<Collector* const> collectors, int64_t memory) : impl_(std::make_unique<Impl>()) {
  for (Collector* collector : collectors) {
    const std::span<const Pattern> patterns = collector->patterns();
    for (size_t i = 0; i < patterns.size(); ++i) impl_->add(*collector, i, patterns[i], memory);
  }
  for (Rules& rules : impl_->channels) impl_->build(rules, memory);
}

Matcher::~Matcher() = default;

size_t Matcher::find(const Line& line) {
  Impl& impl = *impl_;
  impl.hits.clear();
  impl.groups.clear();
  Rules& rules = impl.channels[static_cast<size_t>(line.channel)];
  rules.sieve.search(line.text, [&rules](uint32_t id) { rules.candidates.set(id); });
  if (!rules.loose.empty()) impl.ask_set(rules, line.text);
  if (rules.candidates.any()) rules.candidates.drain([&](size_t id) { impl.match(*rules.all[id], line.text); });
  return impl.hits.size();
}

void Matcher::tell(const Line& line) {
  const std::span<const std::string_view> groups = impl_->groups;
  for (const Hit& hit : impl_->hits) {
    Rule& rule = *hit.rule;
    try {
      rule.collector.on_event({line, rule.index, groups.subspan(hit.first_group, static_cast<size_t>(rule.groups))});
    } catch (const std::exception& e) {
      rule.complain(e.what());
    } catch (...) {
      rule.complain("unknown exception");
    }
  }
}

bool Matcher::wants(Channel channel) const { return !impl_->channels[static_cast<size_t>(channel)].all.empty(); }

uint64_t Matcher::fallbacks() const { return impl_->fallbacks; }

}  // namespace fencewatch
