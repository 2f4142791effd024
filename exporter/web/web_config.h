// --web.config.file: TLS, headers, users and a rate, in the format of Prometheus' exporter-toolkit (docs/web-configuration.md there), so
// that one file serves all exporters of a node.
//
// Stricter than the toolkit: TLS older than 1.2, a client certificate that is to be verified without client_ca_file, and a bcrypt cost
// above kMostCost refuse the file. Not there: certificates and keys written into the file. http2 is read and changes nothing: HTTP/1.1 is
// spoken.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fencewatch {

enum class ClientAuth : uint8_t { none, request, require_any, verify_if_given, require_and_verify };

struct TlsConfig {
  std::string cert_file, key_file, client_ca_file;  // as they are opened: relative ones are below the directory of the file
  ClientAuth client_auth = ClientAuth::none;
  std::vector<std::string> client_allowed_sans;  // empty: all
  int min_minor = 2, max_minor = 3;              // TLS 1.2, TLS 1.3
  std::string ciphers;                           // of TLS 1.2 in OpenSSL's names, "A:B"; empty: OpenSSL's choice
  std::string suites;                            // of TLS 1.3
  std::string groups;                            // "X25519:P-256"
  bool prefer_server_ciphers = true;
};

struct WebConfig {
  static constexpr int kMostCost = 16;                            // of bcrypt: some seconds
  using Users = std::map<std::string, std::string, std::less<>>;  // name → bcrypt hash

  std::optional<TlsConfig> tls;
  std::string headers;                        // lines for every answer, each with its \r\n
  Users users;                                // empty: nobody is asked who he is
  std::chrono::nanoseconds rate_interval{0};  // one more request is allowed after each; 0: no bound
  int rate_burst = 0;
};

// Throws Refused with one line, "NAME:LINE: …".
WebConfig parse_web_config(const std::string& text, const std::string& name);
// The same of a file; what cannot be read is Refused too.
WebConfig read_web_config(const std::string& path);

}  // namespace fencewatch
