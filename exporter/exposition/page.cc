#include "exporter/exposition/page.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "exporter/base/text.h"

namespace fencewatch {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr size_t kNumber = 32;                             // the longest integer or shortest double, with room to spare

char* put(char* out, std::string_view text) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// One unit of a label value as it is written: `length` bytes were taken from `value`.
std::string_view escaped(std::string_view value, size_t& length) {
  length = 1;
  switch (value.front()) {
    case '\\':
      return "\\\\";
    case '"':
      return "\\\"";
    case '\n':
      return "\\n";
    case '\0':  // scrapers take it for the end of the text
      return kReplacement;
    default:
      break;
  }
  const size_t sequence = text::utf8_length(value);
  if (sequence == 0) return kReplacement;
  length = sequence;
  return value.substr(0, sequence);
}

constexpr bool plain(char c) { return c > 0 && static_cast<unsigned char>(c) < 0x80 && c != '\\' && c != '"' && c != '\n'; }

// At most 3 bytes are written for each byte of `value`.
char* put_escaped(char* out, std::string_view value) {
  while (!value.empty()) {
    size_t run = 0;
    while (run < value.size() && plain(value[run])) ++run;
    out = put(out, value.substr(0, run));
    value.remove_prefix(run);
    if (value.empty()) break;
    size_t length;
    out = put(out, escaped(value, length));
    value.remove_prefix(length);
  }
  return out;
}

std::string_view text_of(const Label& label, char (&scratch)[kNumber]) {
  if (const auto* text = std::get_if<std::string_view>(&label.value)) return *text;
  const auto end = std::to_chars(scratch, scratch + kNumber, std::get<int64_t>(label.value)).ptr;
  return {scratch, static_cast<size_t>(end - scratch)};
}

char* put_label(char* out, std::string_view name, std::string_view value) {
  out = put(out, name);
  out = put(out, "=\"");
  out = put_escaped(out, value);
  *out++ = '"';
  return out;
}

size_t label_bound(const Label& label) {
  const auto* text = std::get_if<std::string_view>(&label.value);
  return label.name.size() + 4 + (text ? 3 * text->size() : kNumber);
}

char* put_double(char* out, double value) {
  if (std::isnan(value)) return put(out, "NaN");
  if (std::isinf(value)) return put(out, value > 0 ? "+Inf" : "-Inf");
  return std::to_chars(out, out + kNumber, value).ptr;
}

// OpenMetrics wants 1.0 where the text format would do with 1, and both must give the same series.
std::string_view bucket_bound(double bound, char (&scratch)[kNumber]) {
  char* end = put_double(scratch, bound);
  const std::string_view text(scratch, static_cast<size_t>(end - scratch));
  if (!std::isfinite(bound) || text.find_first_of(".e") != text.npos) return text;
  end = put(end, ".0");
  return {scratch, static_cast<size_t>(end - scratch)};
}

}  // namespace

std::string rendered_labels(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ',';
    const size_t used = text.size();
    text.resize(used + name.size() + 4 + 3 * value.size());
    text.resize(static_cast<size_t>(put_label(text.data() + used, name, value) - text.data()));
  }
  return text;
}

LabelText::LabelText(Labels labels) {
  char* out = text_;
  char* const limit = text_ + sizeof text_ - 1;  // the closing quote always has its place
  for (const Label& label : labels) {
    const size_t comma = out == text_ ? 0 : 1;
    if (static_cast<size_t>(limit - out) < comma + label.name.size() + 2) break;
    if (comma) *out++ = ',';
    out = put(out, label.name);
    out = put(out, "=\"");
    char scratch[kNumber];
    for (std::string_view value = text_of(label, scratch); !value.empty();) {
      size_t length;
      const std::string_view unit = escaped(value, length);
      if (static_cast<size_t>(limit - out) < unit.size()) break;
      out = put(out, unit);
      value.remove_prefix(length);
    }
    *out++ = '"';
    if (out > limit) break;
  }
  size_ = static_cast<uint8_t>(out - text_);
}

void Page::begin(const Family& family) {
  assert(std::none_of(segments_.begin(), segments_.end(), [&](const Segment& s) { return s.family == &family; }) &&
         "all samples of a family follow one begin()");
  segments_.push_back({&family, text_.size()});
}

// Makes room for the whole line at once, so that the bytes can be written without asking again.
void Page::open_sample(std::string_view suffix, std::string_view rendered, Labels more) {
  assert(!segments_.empty() && "begin() comes first");
  const std::string_view name = segments_.back().family->name;
  size_t bound = name.size() + suffix.size() + rendered.size() + kNumber + 8;
  for (const Label& label : more) bound += label_bound(label);
  const size_t used = text_.size();
  if (used + bound > text_.capacity()) text_.reserve(std::max(used + bound, 2 * text_.capacity()));
  char* const begin = text_.data();
  char* out = put(put(begin + used, name), suffix);
  if (!rendered.empty() || more.size() > 0) {
    *out++ = '{';
    out = put(out, rendered);
    bool first = rendered.empty();
    for (const Label& label : more) {
      if (!first) *out++ = ',';
      first = false;
      char scratch[kNumber];
      out = put_label(out, label.name, text_of(label, scratch));
    }
    *out++ = '}';
  }
  *out++ = ' ';
  text_.resize(static_cast<size_t>(out - begin));
}

void Page::close_sample(uint64_t value) {
  char* out = text_.data() + text_.size();
  out = std::to_chars(out, out + kNumber, value).ptr;
  *out++ = '\n';
  text_.resize(static_cast<size_t>(out - text_.data()));
}

void Page::close_sample(double value) {
  char* out = put_double(text_.data() + text_.size(), value);
  *out++ = '\n';
  text_.resize(static_cast<size_t>(out - text_.data()));
}

void Page::sample(std::string_view rendered, Labels more, uint64_t value) {
  open_sample({}, rendered, more);
  close_sample(value);
}

void Page::sample(std::string_view rendered, Labels more, double value) {
  open_sample({}, rendered, more);
  close_sample(value);
}

void Page::histogram(std::string_view rendered, const prometheus::ClientMetric::Histogram& histogram) {
  for (const auto& bucket : histogram.bucket) {
    char scratch[kNumber];
    open_sample("_bucket", rendered, {{"le", bucket_bound(bucket.upper_bound, scratch)}});
    close_sample(bucket.cumulative_count);
  }
  open_sample("_sum", rendered, {});
  close_sample(histogram.sample_sum);
  open_sample("_count", rendered, {});
  close_sample(histogram.sample_count);
}

void Page::clear() {
  text_.clear();
  segments_.clear();
  recent_.clear();
}

std::vector<const Family*> Page::families() const {
  std::vector<const Family*> families;
  for (const Segment& segment : segments_) families.push_back(segment.family);
  return families;
}

void Page::swap(Page& other) noexcept {
  std::swap(text_, other.text_);
  segments_.swap(other.segments_);
  recent_.swap(other.recent_);
}

void Page::reserve(const Page& other) {
  if (text_.capacity() < other.text_.capacity()) text_.reserve(other.text_.capacity());
  segments_.reserve(other.segments_.capacity());
  recent_.reserve(other.recent_.capacity());
}

void Page::render(Format format, Bytes& out) const {
  for (size_t i = 0; i < segments_.size(); ++i) {
    const size_t begin = segments_[i].begin;
    const size_t end = i + 1 < segments_.size() ? segments_[i + 1].begin : text_.size();
    if (begin == end) continue;
    append_header(*segments_[i].family, format, out);
    out.append(text_.view().substr(begin, end - begin));
  }
}

void Page::finish(Format format, Bytes& out) {
  if (format == Format::openmetrics) out.append("# EOF\n");
}

}  // namespace fencewatch
