// Which known faults of the memory management a kernel has, judged by its release string alone. A hint only: the verdict is in
// /proc/zoneinfo. The rules are YAML; collectors/host/advisories.yaml, which explains them, is compiled in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace fencewatch {

enum class Verdict : uint8_t { affected, fixed, not_affected, unknown };
inline constexpr std::string_view kVerdicts[] = {"affected", "fixed", "not_affected", "unknown"};
constexpr std::string_view name(Verdict verdict) { return kVerdicts[static_cast<int>(verdict)]; }

// Numbers of a release, in order of weight; compared one by one, missing ones are 0.
using Version = std::vector<uint64_t>;

class Advisories {
 public:
  // `file` names the text in faults. Throws std::runtime_error with "FILE:LINE: what is wrong".
  Advisories(const std::string& text, std::string_view file);
  // The list in a file, or the built-in one where `path` is empty. Throws likewise.
  static Advisories load(const std::string& path);

  ~Advisories();
  Advisories(Advisories&&) noexcept;

  size_t size() const { return advisories_.size(); }
  std::string_view id(size_t advisory) const { return advisories_[advisory].id; }
  Verdict judge(size_t advisory, std::string_view release) const;
  // The version of the release's family that mends it: "25.22"; empty: none is known, or the family is not.
  std::string fixed_in(size_t advisory, std::string_view release) const;

 private:
  friend class AdvisoryReader;
  struct Family {
    std::string name;
    std::unique_ptr<re2::RE2> pattern;
  };
  struct Rule {
    size_t family;
    Version fixed_in;  // empty: `verdict` holds for the whole family
    Verdict verdict;   // before fixed_in
  };
  struct Advisory {
    std::string id;
    std::vector<Rule> rules;
  };

  std::vector<Family> families_;
  std::vector<Advisory> advisories_;
};

// collectors/host/advisories.yaml as compiled in.
extern const std::string_view kBuiltInAdvisories;

}  // namespace fencewatch
