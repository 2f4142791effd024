#include "exporter/web/web_config.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "exporter/config/options.h"
#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

constexpr std::string_view kHash = "$2b$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234";

WebConfig parse(const std::string& text) { return parse_web_config(text, "/etc/fencewatch/web.yml"); }

// The line and what is wrong with it.
std::string refused(const std::string& text) {
  try {
    parse(text);
  } catch (const Refused& e) {
    const std::string message = e.what();
    CHECK(message.find('\n') == message.npos);
    REQUIRE(message.starts_with("/etc/fencewatch/web.yml:"));
    return message.substr(24);
  }
  return "not refused";
}

std::string tls(const std::string& more) { return "tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n" + more; }
std::string user(const std::string& hash) { return "basic_auth_users:\n  a: " + hash + "\n"; }

}  // namespace

TEST_CASE("web config: everything that the format has") {
  const WebConfig config = parse(
      "tls_server_config:\n  cert_file: node.pem\n  key_file: /etc/ssl/private/node.key\n  client_ca_file: ca/clients.pem\n"
      "  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus.example, 192.0.2.1]\n"
      "  min_version: TLS12\n  max_version: TLS13\n"
      "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_256_GCM_SHA384]\n"
      "  prefer_server_cipher_suites: false\n  curve_preferences: [X25519, CurveP256]\n"
      "http_server_config:\n  http2: true\n  headers:\n    Strict-Transport-Security: max-age=31536000\n    X-Frame-Options: deny\n"
      "    X-Content-Type-Options: nosniff\n"
      "basic_auth_users:\n  scraper: " +
      std::string(kHash) + "\nrate_limit:\n  interval: 1m0.5s\n  burst: 20\n");
  REQUIRE(config.tls);
  CHECK(config.tls->cert_file == "/etc/fencewatch/node.pem");
  CHECK(config.tls->key_file == "/etc/ssl/private/node.key");
  CHECK(config.tls->client_ca_file == "/etc/fencewatch/ca/clients.pem");
  CHECK(config.tls->client_auth == ClientAuth::require_and_verify);
  CHECK(config.tls->client_allowed_sans == std::vector<std::string>{"prometheus.example", "192.0.2.1"});
  CHECK(config.tls->ciphers == "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305");
  CHECK(config.tls->suites == "TLS_AES_256_GCM_SHA384");
  CHECK(config.tls->groups == "X25519:P-256");
  CHECK(!config.tls->prefer_server_ciphers);
  CHECK(config.headers == "Strict-Transport-Security: max-age=31536000\r\nX-Frame-Options: deny\r\n");
  CHECK(config.users == WebConfig::Users{{"scraper", std::string(kHash)}});
  CHECK(config.rate_interval == std::chrono::milliseconds(60500));
  CHECK(config.rate_burst == 20);
}

TEST_CASE("web config: what is left out") {
  for (const char* nothing :
       {"", "{}\n", "tls_server_config:\n", "tls_server_config: {}\nbasic_auth_users:\nrate_limit: {interval: 0}\n"}) {
    const WebConfig config = parse(nothing);
    CHECK(!config.tls);
    CHECK(config.users.empty());
    CHECK(config.rate_interval.count() == 0);
  }
  const WebConfig config = parse(tls(""));
  CHECK(config.tls->client_auth == ClientAuth::none);
  CHECK(config.tls->min_minor == 2);
  CHECK(config.tls->max_minor == 3);
  CHECK(config.tls->prefer_server_ciphers);
}

TEST_CASE("web config: a key that is not known or there twice is refused with its line") {
  CHECK(refused("tls_config: {}\n") == "1: unknown key \"tls_config\"");
  CHECK(refused(tls("  cert: x\n")) == "4: unknown key \"tls_server_config.cert\"");
  CHECK(refused(tls("  key_file: x\n")) == "4: duplicate key \"tls_server_config.key_file\"");
  CHECK(refused("http_server_config:\n  http3: true\n") == "2: unknown key \"http_server_config.http3\"");
  CHECK(refused("http_server_config:\n  headers:\n    Server: x\n") == "3: http_server_config.headers: \"Server\" cannot be set");
  CHECK(refused("\nrate_limit: {every: 1s}\n") == "2: unknown key \"rate_limit.every\"");
  CHECK(refused("- a\n") == "1: expected a map");
  CHECK(refused("basic_auth_users: [a]\n") == "1: basic_auth_users: expected a map");
  CHECK(refused("a: [\n").starts_with("2: "));
}

TEST_CASE("web config: values that cannot be meant") {
  CHECK(refused("tls_server_config:\n  min_version: TLS12\n") == "2: tls_server_config: cert_file is missing");
  CHECK(refused("tls_server_config:\n  cert_file: c\n") == "2: tls_server_config: key_file is missing");
  CHECK(refused(tls("  min_version: TLS11\n")) == "4: tls_server_config.min_version: TLS11 is too old, TLS12 is the oldest");
  CHECK(refused(tls("  max_version: SSL3\n")) == "4: tls_server_config.max_version: \"SSL3\" is not TLS12 or TLS13");
  CHECK(refused(tls("  min_version: TLS13\n  max_version: TLS12\n")) == "2: tls_server_config: min_version is above max_version");
  CHECK(refused(tls("  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n")) ==
        "4: tls_server_config.cipher_suites: unknown cipher \"TLS_RSA_WITH_RC4_128_SHA\"");
  CHECK(refused(tls("  curve_preferences: [CurveP224]\n")) == "4: tls_server_config.curve_preferences: unknown curve \"CurveP224\"");
  CHECK(refused(tls("  client_auth_type: Always\n")) == "4: tls_server_config.client_auth_type: unknown policy \"Always\"");
  CHECK(refused(tls("  client_ca_file: ca\n")) == "2: tls_server_config: client_ca_file without client_auth_type");
  CHECK(refused(tls("  client_auth_type: RequireAndVerifyClientCert\n")) ==
        "2: tls_server_config: client_auth_type verifies, and client_ca_file is missing");
  CHECK(refused(tls("  client_allowed_sans: [a]\n")) ==
        "2: tls_server_config: client_allowed_sans needs a client_auth_type that requires a certificate");
  CHECK(refused(tls("  prefer_server_cipher_suites: perhaps\n")) ==
        "4: tls_server_config.prefer_server_cipher_suites: \"perhaps\" is not true or false");
  CHECK(refused("http_server_config:\n  headers:\n    X-Frame-Options: never\n") ==
        "3: http_server_config.headers.X-Frame-Options: \"never\" is not deny or sameorigin");
  CHECK(refused("http_server_config:\n  headers:\n    Content-Security-Policy: \"a\\r\\nSet-Cookie: b\"\n") ==
        "3: http_server_config.headers: a control character");
  CHECK(refused("rate_limit:\n  interval: often\n") == "2: rate_limit.interval: \"often\" is not a duration like 1s");
  CHECK(refused("rate_limit:\n  interval: 1s\n") == "2: rate_limit: without a burst nothing would be answered");
}

TEST_CASE("web config: a refusal that quotes the file is one line of printable characters") {
  CHECK(refused("a: \"\\\x01\"\n") == "1: unknown escape character: ?");  // found by fuzzing
}

TEST_CASE("web config: users") {
  const std::string hash(kHash);
  CHECK(parse(user(hash)).users.size() == 1);
  CHECK(refused(user("secret")) == "2: basic_auth_users.\"a\": not a bcrypt hash ($2a$, $2b$ or $2y$)");
  CHECK(refused(user(hash.substr(0, 59))) == "2: basic_auth_users.\"a\": not a bcrypt hash ($2a$, $2b$ or $2y$)");
  CHECK(refused(user("$2x$" + hash.substr(4))) == "2: basic_auth_users.\"a\": not a bcrypt hash ($2a$, $2b$ or $2y$)");
  CHECK(refused(user("$2b$17$" + hash.substr(7))) == "2: basic_auth_users.\"a\": the cost is above 16");
  CHECK(refused("basic_auth_users:\n  'a:b': " + hash + "\n") == "2: basic_auth_users: \"a:b\" cannot be a user's name");
}

TEST_CASE("web config: from a file") {
  TemporaryTree tree;
  tree.file("web.yml", tls(""));
  CHECK(read_web_config(tree / "web.yml").tls->cert_file == tree / "c.pem");
  CHECK_THROWS_WITH_AS(read_web_config(tree / "none.yml"),
                       ("--web.config.file: \"" + tree / "none.yml" + "\": No such file or directory").c_str(), Refused);
}
