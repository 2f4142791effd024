#include "collectors/host/advisories.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "exporter/base/scan.h"
#include "exporter/base/yaml.h"

namespace fencewatch {
namespace {

constexpr int kMaxGroups = 8;

// Appends the numbers of "25.22" or "4.19.151".
bool parse_version(std::string_view text, Version& out) {
  for (bool more = true; more;) {
    const size_t length = std::min(text.find('.'), text.size());
    more = length < text.size();
    uint64_t part = 0;
    if (!scan::number(text.substr(0, length), part)) return false;
    out.push_back(part);
    text.remove_prefix(length + (more ? 1 : 0));
  }
  return true;
}

bool before(const Version& a, const Version& b) {
  const auto part = [](const Version& version, size_t i) { return i < version.size() ? version[i] : 0; };
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (part(a, i) != part(b, i)) return part(a, i) < part(b, i);
  }
  return false;
}

// The numbers that the pattern's groups catch in a release of its family; nothing where the release is not of it.
std::optional<Version> match(const RE2& pattern, std::string_view release) {
  std::array<re2::StringPiece, kMaxGroups + 1> groups;
  const int count = 1 + pattern.NumberOfCapturingGroups();
  if (!pattern.Match(re2::StringPiece(release.data(), release.size()), 0, release.size(), RE2::ANCHOR_BOTH, groups.data(), count))
    return {};
  Version version;
  for (int i = 1; i < count; ++i) {
    const std::string_view group(groups[i].data(), groups[i].size());
    if (!group.empty() && !parse_version(group, version)) return {};
  }
  return version;
}

}  // namespace

// Reads the YAML. Every fault is thrown with the place that it is about.
class AdvisoryReader {
 public:
  AdvisoryReader(Advisories& out, std::string_view file) : out_(out), file_(file) {}

  void read(const std::string& text) {
    try {
      const YAML::Node root = load_yaml(text);
      check_keys(root, {"families", "advisories"});
      for (const YAML::Node& family : sequence(root, "families")) read_family(family);
      for (const YAML::Node& advisory : sequence(root, "advisories")) read_advisory(advisory);
    } catch (const YAML::Exception& error) {
      fail(error.mark, error.msg);
    }
  }

 private:
  [[noreturn]] void fail(const YAML::Mark& at, const std::string& what) const {
    throw std::runtime_error(file_ + ":" + std::to_string(std::max(at.line, 0) + 1) + ": " + what);
  }

  void each(const YAML::Node& map, const TakeMember& take) const {
    each_member(
        map, "", [this](const YAML::Node& at, const std::string& what) { fail(at.Mark(), what); }, take);
  }

  void check_keys(const YAML::Node& map, std::initializer_list<std::string_view> known) const {
    each(map, [&](const YAML::Node& at, const std::string& key, const YAML::Node&) {
      if (std::find(known.begin(), known.end(), key) == known.end()) fail(at.Mark(), "unknown key " + key);
    });
  }

  const std::string& scalar(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar() || node.Scalar().empty()) fail(node.Mark(), what + " is not a word or text");
    return node.Scalar();
  }

  // What is not written has no place of its own: the key's is told.
  void check_value(const YAML::Node& key, const YAML::Node& value) const {
    if (value.IsNull()) fail(key.Mark(), key.Scalar() + " has no value");
  }

  YAML::Node member(const YAML::Node& map, const std::string& key) const {
    for (const auto& entry : map) {
      if (entry.first.Scalar() != key) continue;
      check_value(entry.first, entry.second);
      return entry.second;
    }
    fail(map.Mark(), key + " is missing");
  }

  YAML::Node sequence(const YAML::Node& map, const std::string& key) const {
    YAML::Node value = member(map, key);
    if (!value.IsSequence()) fail(value.Mark(), key + " is not a list");
    return value;
  }

  Verdict verdict(const YAML::Node& node) const {
    const std::string& text = scalar(node, "status");
    const auto* const found = std::find(std::begin(kVerdicts), std::end(kVerdicts), text);
    if (found == std::end(kVerdicts)) fail(node.Mark(), "unknown status " + text);
    return static_cast<Verdict>(found - std::begin(kVerdicts));
  }

  void read_family(const YAML::Node& node) {
    check_keys(node, {"name", "pattern"});
    Advisories::Family family;
    family.name = scalar(member(node, "name"), "name");
    for (const auto& other : out_.families_) {
      if (other.name == family.name) fail(node.Mark(), "a second family " + family.name);
    }
    const YAML::Node pattern = member(node, "pattern");
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(1 << 20);
    family.pattern = std::make_unique<RE2>(scalar(pattern, "pattern"), options);
    if (!family.pattern->ok()) fail(pattern.Mark(), "pattern: " + family.pattern->error());
    if (family.pattern->NumberOfCapturingGroups() > kMaxGroups) fail(pattern.Mark(), "pattern: more than 8 groups");
    out_.families_.push_back(std::move(family));
  }

  // `summary` and `source` are for the reader of the list; they are asked for so that no rule goes without.
  void read_advisory(const YAML::Node& node) {
    check_keys(node, {"id", "summary", "source", "families"});
    Advisories::Advisory advisory;
    advisory.id = scalar(member(node, "id"), "id");
    for (const auto& other : out_.advisories_) {
      if (other.id == advisory.id) fail(node.Mark(), "a second advisory " + advisory.id);
    }
    scalar(member(node, "summary"), "summary");
    scalar(member(node, "source"), "source");
    each(member(node, "families"),
         [&](const YAML::Node& family, const std::string&, const YAML::Node& rule) { advisory.rules.push_back(read_rule(family, rule)); });
    out_.advisories_.push_back(std::move(advisory));
  }

  Advisories::Rule read_rule(const YAML::Node& key, const YAML::Node& node) const {
    const std::string& family = scalar(key, "family");
    const auto found = std::find_if(out_.families_.begin(), out_.families_.end(), [&](const auto& known) { return known.name == family; });
    if (found == out_.families_.end()) fail(key.Mark(), "unknown family " + family);
    check_value(key, node);
    Advisories::Rule rule{static_cast<size_t>(found - out_.families_.begin()), {}, Verdict::affected};
    if (node.IsScalar()) {
      rule.verdict = verdict(node);
      return rule;
    }
    check_keys(node, {"fixed_in", "earlier"});
    const YAML::Node fixed_in = member(node, "fixed_in");
    if (!parse_version(scalar(fixed_in, "fixed_in"), rule.fixed_in)) fail(fixed_in.Mark(), "fixed_in is not numbers with dots between");
    if (found->pattern->NumberOfCapturingGroups() == 0) fail(fixed_in.Mark(), "family " + family + " catches no numbers to compare");
    if (const YAML::Node earlier = node["earlier"]) rule.verdict = verdict(earlier);
    return rule;
  }

  Advisories& out_;
  const std::string file_;
};

Advisories::Advisories(const std::string& text, std::string_view file) { AdvisoryReader(*this, file).read(text); }
Advisories::~Advisories() = default;
Advisories::Advisories(Advisories&&) noexcept = default;

Advisories Advisories::load(const std::string& path) {
  if (path.empty()) return Advisories(std::string(kBuiltInAdvisories), "built-in advisories");
  std::string text;
  if (const std::string wrong = read_text(path, text); !wrong.empty()) throw std::runtime_error(path + ": " + wrong);
  return Advisories(text, path);
}

Verdict Advisories::judge(size_t advisory, std::string_view release) const {
  for (const Rule& rule : advisories_[advisory].rules) {
    const auto version = match(*families_[rule.family].pattern, release);
    if (!version) continue;
    if (rule.fixed_in.empty()) return rule.verdict;
    return before(*version, rule.fixed_in) ? rule.verdict : Verdict::fixed;
  }
  return Verdict::unknown;
}

std::string Advisories::fixed_in(size_t advisory, std::string_view release) const {
  std::string text;
  for (const Rule& rule : advisories_[advisory].rules) {
    if (!match(*families_[rule.family].pattern, release)) continue;
    for (const uint64_t number : rule.fixed_in) text.append(text.empty() ? "" : ".").append(std::to_string(number));
    break;
  }
  return text;
}

}  // namespace fencewatch
