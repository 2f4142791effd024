#include "exporter/web/negotiate.h"

#include <algorithm>
#include <cmath>

#include "exporter/base/scan.h"
#include "exporter/base/text.h"

namespace fencewatch::negotiate {
namespace {

// Cuts `rest` at the next `separator`; false when nothing is left.
bool next_part(std::string_view& rest, char separator, std::string_view& part) {
  if (rest.empty()) return false;
  const size_t at = rest.find(separator);
  part = text::trim(rest.substr(0, at));
  rest.remove_prefix(at == rest.npos ? rest.size() : at + 1);
  return true;
}

// One element of an Accept or Accept-Encoding list.
struct Choice {
  std::string_view what;
  std::string_view version;
  double weight = 1;
};

Choice choice(std::string_view element) {
  Choice out;
  next_part(element, ';', out.what);
  for (std::string_view part; next_part(element, ';', part);) {
    const size_t at = part.find('=');
    if (at == part.npos) continue;
    const std::string_view key = text::trim(part.substr(0, at));
    std::string_view value = text::trim(part.substr(at + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (text::same_but_case(key, "version")) out.version = value;
    // A weight that is none refuses: so an element that we do not understand never wins over one that we do.
    if (text::same_but_case(key, "q") && !(scan::number(value, out.weight) && out.weight >= 0 && out.weight <= 1)) out.weight = 0;
  }
  return out;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (text::lower(c) >= 'a' && text::lower(c) <= 'f') return text::lower(c) - 'a' + 10;
  return -1;
}

void decode(std::string_view text, std::string& out) {
  out.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
}

}  // namespace

Format format(std::string_view accept) {
  double openmetrics = 0, text = 0;
  int text_rank = -1;  // text/plain by name beats text/*, which beats */*
  bool openmetrics_named = false, openmetrics_first = false;
  for (std::string_view element; next_part(accept, ',', element);) {
    const Choice c = choice(element);
    const bool named = text::same_but_case(c.what, "application/openmetrics-text");
    if (named && c.version != "1.0.0" && !c.version.empty()) continue;
    if (text::same_but_case(c.what, "text/plain") && c.version != "0.0.4" && !c.version.empty()) continue;
    if (named || (text::same_but_case(c.what, "application/*") && !openmetrics_named)) {
      openmetrics = named && openmetrics_named ? std::max(openmetrics, c.weight) : c.weight;
      openmetrics_named |= named;
      openmetrics_first |= text_rank < 0;
    }
    const int rank = text::same_but_case(c.what, "text/plain") ? 2 : text::same_but_case(c.what, "text/*") ? 1 : c.what == "*/*" ? 0 : -1;
    if (rank >= 0 && rank >= text_rank) {
      text = rank == text_rank ? std::max(text, c.weight) : c.weight;
      text_rank = rank;
    }
  }
  const bool preferred = openmetrics > text || (openmetrics == text && openmetrics_first);
  return openmetrics > 0 && preferred ? Format::openmetrics : Format::text;
}

bool gzip(std::string_view accept_encoding) {
  double any = 0, wanted = -1, identity = 0;
  for (std::string_view element; next_part(accept_encoding, ',', element);) {
    const Choice c = choice(element);
    if (text::same_but_case(c.what, "gzip") || text::same_but_case(c.what, "x-gzip")) wanted = std::max(wanted, c.weight);
    if (text::same_but_case(c.what, "identity")) identity = c.weight;
    if (c.what == "*") any = c.weight;
  }
  if (wanted < 0) wanted = any;
  return wanted > 0 && wanted >= identity;
}

bool next_parameter(std::string_view& query, Parameter& out) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t at = std::min(pair.find('='), pair.size());
    decode(pair.substr(0, at), out.name);
    decode(pair.substr(std::min(at + 1, pair.size())), out.value);
    return true;
  }
  return false;
}

std::chrono::milliseconds scrape_budget(std::string_view header) {
  double seconds = 0;
  if (!scan::number(text::trim(header), seconds) || !std::isfinite(seconds) || seconds <= 0) return std::chrono::seconds(5);
  return std::chrono::milliseconds(static_cast<int>(std::clamp(seconds - 0.5, 0.1, 120.0) * 1000));
}

bool chinese(std::string_view query, std::string_view accept_language) {
  for (const std::string_view asked : {"lang=zh", "lang=en"})
    for (size_t at = query.find(asked); at != query.npos; at = query.find(asked, at + 1))
      if ((at == 0 || query[at - 1] == '&') && (at + asked.size() == query.size() || query[at + asked.size()] == '&'))
        return asked == "lang=zh";
  return accept_language.find("zh") < accept_language.find("en");
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, 64));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

}  // namespace fencewatch::negotiate
