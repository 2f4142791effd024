// What a client asks for, told by its headers and its query string. Pure functions over text that anybody on the network can send:
// no allocation except for decoded parameter values, no exceptions of their own, every input has an answer.
// RFC 9110 12.4.2 (weights), 12.5.1 (Accept), 12.5.3 (Accept-Encoding); RFC 3986 2.1 (percent-encoding).
// https://prometheus.io/docs/instrumenting/content_negotiation/
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "exporter/exposition/page.h"

namespace fencewatch::negotiate {

// OpenMetrics 1.0.0 where the client prefers it by name (or application/*); text 0.0.4 in every other case, also when the client
// refuses both: an answer in the oldest format beats none.
Format format(std::string_view accept);

// The client takes gzip and does not prefer identity.
bool gzip(std::string_view accept_encoding);

struct Parameter {
  std::string name;
  std::string value;
};
// Cuts the next name=value off `query` and decodes both. An escape that is none ("%zz") stays as it is. False at the end.
bool next_parameter(std::string_view& query, Parameter& out);

// How long a scrape may take: what X-Prometheus-Scrape-Timeout-Seconds says, less half a second for the way back, at least 0.1 s and
// at most two minutes. 5 s when the header is absent (empty) or not a positive number.
std::chrono::milliseconds scrape_budget(std::string_view header);

// For text that is shown again: & < > " ' as HTML entities.
// Whether the page is to be Chinese: "lang=zh" of the query, else which of the two Accept-Language names first (RFC 9110 12.5.4; without
// weights, which browsers write in their order).
bool chinese(std::string_view query, std::string_view accept_language);

// Printable ASCII as it is, everything else as ?; cut off at 64 characters.
std::string printable(std::string_view text);

}  // namespace fencewatch::negotiate
