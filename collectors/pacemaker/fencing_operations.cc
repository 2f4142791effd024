#include "collectors/pacemaker/fencing_operations.h"

#include <algorithm>
#include <cstdlib>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr int64_t kSecond = 1'000'000, kTogether = 30 * kSecond;

bool within(int64_t a, int64_t b, int64_t most) { return a == 0 || b == 0 || std::llabs(a - b) <= most; }

std::string_view somebody(std::string_view delegate) { return delegate.starts_with('<') ? std::string_view() : delegate; }

std::string known_as(FencingOperations::Speaker speaker, std::string_view id) {
  return std::string(speaker == FencingOperations::fencer ? "f" : "c").append(id);
}

// Names stand between blanks in the memory: one that is not told needs a sign.
std::string_view written(std::string_view name) { return name.empty() ? "-" : name; }
std::string_view read(std::string_view name) { return name == "-" ? std::string_view() : name; }

}  // namespace

bool FencingOperations::knows(Speaker speaker, std::string_view id) const {
  return std::find(ids_.begin(), ids_.end(), known_as(speaker, id)) != ids_.end();
}

void FencingOperations::learn(Speaker speaker, std::string_view id) { ids_[next_id_++ % ids_.size()] = known_as(speaker, id); }

FencingOperations::Told& FencingOperations::find(Speaker speaker, const FencingOperation& operation, int64_t time_us) {
  const auto fresh = [&](const Told& told) { return within(told.time_us, time_us, kTogether); };
  const auto same = [&](const Told& told) {
    return told.target == operation.target && told.action == operation.action && told.client == operation.client;
  };
  // What one daemon does not say the other may have said.
  const auto other_half = [&](const Told& told) {
    const auto either = [](std::string_view a, std::string_view b) { return a.empty() || b.empty() || a == b; };
    return fresh(told) && told.lines[speaker] < told.lines[1 - speaker] && told.target == operation.target &&
           either(told.action, operation.action) && either(told.client, operation.client);
  };
  const auto found = std::find_if(told_.begin(), told_.end(), same);
  if (found != told_.end() && fresh(*found)) return *found;
  const auto half = std::find_if(told_.begin(), told_.end(), other_half);
  if (half != told_.end()) return *half;
  Told& told = found == told_.end() ? told_[next_++ % told_.size()] : *found;
  told = {};
  told.target = operation.target;
  told.action = operation.action;
  told.client = operation.client;
  return told;
}

// Two clients asked for one operation: both are answered in the same second, by the same delegate. And no machine is fenced twice in one.
bool FencingOperations::ended_with_another(const Told& told, int64_t time_us) const {
  if (time_us == 0) return false;
  return std::any_of(told_.begin(), told_.end(), [&](const Told& other) {
    const bool alike = other.target == told.target && other.action == told.action && other.delegate == told.delegate &&
                       other.success == told.success && other.counted_us != 0 && within(other.counted_us, time_us, kSecond);
    return alike && (told.success || (&other != &told && !told.delegate.empty()));
  });
}

bool FencingOperations::is_new(Speaker speaker, const FencingOperation& operation, int64_t time_us) {
  const bool has_id = !operation.id.empty();
  if (has_id && knows(speaker, operation.id)) return false;
  const bool of_other = has_id && knows(speaker == fencer ? controller : fencer, operation.id);
  if (has_id) learn(speaker, operation.id);
  Told& told = find(speaker, operation, time_us);
  told.time_us = time_us;
  const uint32_t lines = ++told.lines[speaker];
  if (lines <= told.counted) return false;
  told.counted = lines;
  told.success = operation.success;
  told.delegate = somebody(operation.delegate);
  if (of_other || operation.merged || (!operation.marks_merged && ended_with_another(told, time_us))) return false;
  told.counted_us = time_us;
  return true;
}

// "TIME COUNTED_AT FENCER CONTROLLER COUNTED SUCCESS TARGET ACTION CLIENT DELEGATE\t…".
std::string FencingOperations::memory() const {
  std::string text;
  int64_t last = 0;
  for (const Told& told : told_) last = std::max(last, told.time_us);
  for (const Told& told : told_) {
    if (told.target.empty() || told.time_us + kTogether < last) continue;
    for (const int64_t number : {told.time_us, told.counted_us, int64_t{told.lines[fencer]}, int64_t{told.lines[controller]},
                                 int64_t{told.counted}, int64_t{told.success}})
      text += std::to_string(number) + ' ';
    for (const std::string_view name : {std::string_view(told.target), written(told.action), written(told.client), written(told.delegate)})
      text.append(name).append(" ");
    text.back() = '\t';
  }
  return text;
}

void FencingOperations::remember(std::string_view memory) {
  for (size_t end; (end = memory.find('\t')) != memory.npos; memory.remove_prefix(end + 1)) {
    std::string_view entry = memory.substr(0, end);
    Told told;
    uint32_t success = 0;
    const auto number = [&entry](auto& value) { return scan::number(scan::next_word(entry), value); };
    const bool good = number(told.time_us) && number(told.counted_us) && number(told.lines[fencer]) && number(told.lines[controller]) &&
                      number(told.counted) && number(success);
    told.success = success != 0;
    told.target = scan::next_word(entry);
    told.action = read(scan::next_word(entry));
    told.client = read(scan::next_word(entry));
    told.delegate = read(scan::trim_left(entry));
    if (!good || told.target.empty()) return;
    told_[next_++ % told_.size()] = std::move(told);
  }
}

}  // namespace fencewatch
