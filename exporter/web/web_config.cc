#include "exporter/web/web_config.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <functional>
#include <iterator>
#include <span>
#include <utility>

#include "exporter/base/refused.h"
#include "exporter/base/scan.h"
#include "exporter/base/yaml.h"

namespace fencewatch {
namespace {

struct Word {
  std::string_view theirs, ours;
};

// What Go's crypto/tls does not call insecure.
constexpr Word kCiphers[] = {
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
};
constexpr Word kSuites[] = {{"TLS_AES_128_GCM_SHA256", ""}, {"TLS_AES_256_GCM_SHA384", ""}, {"TLS_CHACHA20_POLY1305_SHA256", ""}};
constexpr Word kGroups[] = {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}};

struct Policy {
  std::string_view name;
  ClientAuth auth;
};
constexpr Policy kPolicies[] = {{"", ClientAuth::none},
                                {"NoClientCert", ClientAuth::none},
                                {"RequestClientCert", ClientAuth::request},
                                {"RequireAnyClientCert", ClientAuth::require_any},
                                {"RequireClientCert", ClientAuth::require_any},
                                {"VerifyClientCertIfGiven", ClientAuth::verify_if_given},
                                {"RequireAndVerifyClientCert", ClientAuth::require_and_verify}};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// $2b$10$ and 53 characters of the alphabet of crypt(5).
bool is_bcrypt(std::string_view hash, int& cost) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '/'; };
  if (hash.size() != 60 || !(hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$")) || hash[6] != '$')
    return false;
  return scan::number(hash.substr(4, 2), cost) && cost >= 4 && cost <= 31 && std::all_of(hash.begin() + 7, hash.end(), plain);
}

// "1m30s", "250ms", as Go reads them; at most a day.
bool is_duration(std::string_view text, std::chrono::nanoseconds& out) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
                                                            {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
  if (text == "0") return out = std::chrono::nanoseconds(0), true;
  double total = 0;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    double value = 0;
    if (!scan::number(text.substr(0, digits), value)) return false;
    text.remove_prefix(digits);
    const std::string_view unit = text.substr(0, std::min(text.find_first_of("0123456789."), text.size()));
    const auto known = std::find_if(std::begin(kUnits), std::end(kUnits), [unit](const auto& u) { return u.first == unit; });
    if (known == std::end(kUnits)) return false;
    total += value * known->second;
    text.remove_prefix(unit.size());
    if (total > 24 * 3.6e12) return false;
    if (text.empty()) return out = std::chrono::nanoseconds(std::llround(total)), true;
  }
  return false;
}

class File {
 public:
  explicit File(const std::string& name) : name_(name), directory_(name.substr(0, name.rfind('/') + 1)) {}

  WebConfig read(const YAML::Node& root) {
    map(root, "",
        {{"tls_server_config", [this](const auto& node) { tls(node); }},
         {"http_server_config", [this](const auto& node) { http(node); }},
         {"basic_auth_users", [this](const auto& node) { users(node); }},
         {"rate_limit", [this](const auto& node) { rate(node); }}});
    return std::move(config_);
  }

 private:
  struct Key {
    std::string_view name;
    std::function<void(const YAML::Node&)> take;
  };

  [[noreturn]] void refuse(const YAML::Node& node, const std::string& what) const {
    throw Refused(name_ + ":" + std::to_string(node.Mark().line + 1) + ": " + what);
  }

  void map(const YAML::Node& node, const std::string& prefix, const std::vector<Key>& known) {
    each(node, prefix, [&](const YAML::Node& key, const std::string& name, const YAML::Node& value) {
      const auto found = std::find_if(known.begin(), known.end(), [&name](const Key& k) { return k.name == name; });
      if (found == known.end()) refuse(key, "unknown key " + in_quotes(prefix + name));
      const std::string outer = std::exchange(at_, prefix + name);
      if (!value.IsNull()) found->take(value);
      at_ = outer;
    });
  }

  void each(const YAML::Node& node, const std::string& prefix, const TakeMember& take) {
    if (node.IsNull()) return;
    if (!node.IsMap()) refuse(node, (at_.empty() ? "" : at_ + ": ") + "expected a map");
    each_member(
        node, prefix, [this](const YAML::Node& at, const std::string& what) { refuse(at, what); }, take);
  }

  std::string text(const YAML::Node& node) const {
    if (!node.IsScalar()) refuse(node, at_ + ": expected one value");
    if (std::any_of(node.Scalar().begin(), node.Scalar().end(), is_control)) refuse(node, at_ + ": a control character");
    return node.Scalar();
  }
  bool boolean(const YAML::Node& node) const {
    const std::string value = text(node);
    if (value != "true" && value != "false") refuse(node, at_ + ": " + in_quotes(value) + " is not true or false");
    return value == "true";
  }
  std::vector<std::string> list(const YAML::Node& node) const {
    if (!node.IsSequence()) refuse(node, at_ + ": expected a list");
    std::vector<std::string> all;
    for (const YAML::Node& element : node) all.push_back(text(element));
    return all;
  }
  std::string path(const YAML::Node& node) const {
    const std::string value = text(node);
    return value.empty() || value.starts_with('/') ? value : directory_ + value;
  }
  int minor(const YAML::Node& node) const {
    const std::string value = text(node);
    if (value == "TLS12") return 2;
    if (value == "TLS13") return 3;
    if (value == "TLS10" || value == "TLS11") refuse(node, at_ + ": " + value + " is too old, TLS12 is the oldest");
    refuse(node, at_ + ": " + in_quotes(value) + " is not TLS12 or TLS13");
  }
  // False when no table knows the name.
  static bool add(std::string& joined, std::span<const Word> table, const std::string& name) {
    const auto found = std::find_if(table.begin(), table.end(), [&name](const Word& w) { return w.theirs == name; });
    if (found == table.end()) return false;
    joined.append(joined.empty() ? "" : ":").append(found->ours.empty() ? found->theirs : found->ours);
    return true;
  }

  void tls(const YAML::Node& node) {
    TlsConfig tls;
    bool sans_given = false;
    const auto choose = [&](const YAML::Node& value) {
      const std::string name = text(value);
      const auto found = std::find_if(std::begin(kPolicies), std::end(kPolicies), [&name](const Policy& p) { return p.name == name; });
      if (found == std::end(kPolicies)) refuse(value, at_ + ": unknown policy " + in_quotes(name));
      tls.client_auth = found->auth;
    };
    const auto ciphers = [&](const YAML::Node& value) {
      for (const std::string& name : list(value))
        if (!add(tls.ciphers, kCiphers, name) && !add(tls.suites, kSuites, name))
          refuse(value, at_ + ": unknown cipher " + in_quotes(name));
    };
    const auto curves = [&](const YAML::Node& value) {
      for (const std::string& name : list(value))
        if (!add(tls.groups, kGroups, name)) refuse(value, at_ + ": unknown curve " + in_quotes(name));
    };
    map(node, "tls_server_config.",
        {{"cert_file", [&](const auto& value) { tls.cert_file = path(value); }},
         {"key_file", [&](const auto& value) { tls.key_file = path(value); }},
         {"client_ca_file", [&](const auto& value) { tls.client_ca_file = path(value); }},
         {"client_auth_type", choose},
         {"client_allowed_sans", [&](const auto& value) { tls.client_allowed_sans = list(value), sans_given = true; }},
         {"min_version", [&](const auto& value) { tls.min_minor = minor(value); }},
         {"max_version", [&](const auto& value) { tls.max_minor = minor(value); }},
         {"cipher_suites", ciphers},
         {"curve_preferences", curves},
         {"prefer_server_cipher_suites", [&](const auto& value) { tls.prefer_server_ciphers = boolean(value); }}});
    if (node.size() == 0) return;
    check(node, tls, sans_given);
    config_.tls = std::move(tls);
  }

  void check(const YAML::Node& node, const TlsConfig& tls, bool sans_given) const {
    const bool verified = tls.client_auth == ClientAuth::verify_if_given || tls.client_auth == ClientAuth::require_and_verify;
    const bool required = tls.client_auth == ClientAuth::require_any || tls.client_auth == ClientAuth::require_and_verify;
    const std::string at = "tls_server_config: ";
    if (tls.cert_file.empty()) refuse(node, at + "cert_file is missing");
    if (tls.key_file.empty()) refuse(node, at + "key_file is missing");
    if (tls.min_minor > tls.max_minor) refuse(node, at + "min_version is above max_version");
    if (!tls.client_ca_file.empty() && tls.client_auth == ClientAuth::none) refuse(node, at + "client_ca_file without client_auth_type");
    if (verified && tls.client_ca_file.empty()) refuse(node, at + "client_auth_type verifies, and client_ca_file is missing");
    if (sans_given && !required) refuse(node, at + "client_allowed_sans needs a client_auth_type that requires a certificate");
    if (sans_given && tls.client_allowed_sans.empty()) refuse(node, at + "client_allowed_sans is empty: nobody would be let in");
  }

  void http(const YAML::Node& node) {
    map(node, "http_server_config.",
        {{"http2", [this](const auto& value) { boolean(value); }}, {"headers", [this](const auto& value) { headers(value); }}});
  }

  void headers(const YAML::Node& node) {
    each(node, at_ + ".", [this](const YAML::Node& key, const std::string& name, const YAML::Node& value) {
      const std::string content = text(value);
      const bool options = name == "X-Content-Type-Options", frame = name == "X-Frame-Options";
      if (!options && !frame && name != "Strict-Transport-Security" && name != "X-XSS-Protection" && name != "Content-Security-Policy")
        refuse(key, at_ + ": " + in_quotes(name) + " cannot be set");
      if (options && content != "nosniff") refuse(value, at_ + "." + name + ": " + in_quotes(content) + " is not nosniff");
      if (frame && content != "deny" && content != "sameorigin")
        refuse(value, at_ + "." + name + ": " + in_quotes(content) + " is not deny or sameorigin");
      if (!options) config_.headers += name + ": " + content + "\r\n";  // it is in every answer
      if (config_.headers.size() > kMostHeaders) refuse(key, at_ + ": more than " + std::to_string(kMostHeaders) + " bytes");
    });
  }

  void users(const YAML::Node& node) {
    each(node, at_ + ".", [this](const YAML::Node& key, const std::string& name, const YAML::Node& value) {
      int cost = 0;
      const std::string hash = text(value);
      if (name.find(':') != name.npos || name.size() > kMostName || std::any_of(name.begin(), name.end(), is_control))
        refuse(key, at_ + ": " + in_quotes(name) + " cannot be a user's name");
      if (!is_bcrypt(hash, cost)) refuse(value, at_ + "." + in_quotes(name) + ": not a bcrypt hash ($2a$, $2b$ or $2y$)");
      if (cost > WebConfig::kMostCost) {
        refuse(value, at_ + "." + in_quotes(name) + ": the cost is above " + std::to_string(WebConfig::kMostCost));
      }
      config_.users[name] = hash;
    });
  }

  void rate(const YAML::Node& node) {
    const auto interval = [this](const YAML::Node& value) {
      if (!is_duration(text(value), config_.rate_interval))
        refuse(value, at_ + ": " + in_quotes(text(value)) + " is not a duration like 1s");
    };
    const auto burst = [this](const YAML::Node& value) {
      if (!scan::number(std::string_view(text(value)), config_.rate_burst) || config_.rate_burst < 0)
        refuse(value, at_ + ": " + in_quotes(text(value)) + " is not a number from 0 up");
    };
    map(node, "rate_limit.", {{"interval", interval}, {"burst", burst}});
    if (config_.rate_interval.count() > 0 && config_.rate_burst == 0) refuse(node, "rate_limit: without a burst nothing would be answered");
  }

  static constexpr size_t kMostHeaders = 2048;
  static constexpr size_t kMostName = 255;

  const std::string& name_;
  const std::string directory_;
  std::string at_;
  WebConfig config_;
};

}  // namespace

WebConfig parse_web_config(const std::string& text, const std::string& name) {
  try {
    return File(name).read(load_yaml(text));
  } catch (const YAML::Exception& e) {
    std::string what = e.msg;  // which quotes what it does not understand
    std::replace_if(what.begin(), what.end(), is_control, '?');
    throw Refused(name + ":" + std::to_string(e.mark.line + 1) + ": " + what);
  }
}

WebConfig read_web_config(const std::string& path) {
  std::string text;
  if (const std::string wrong = read_text(path, text); !wrong.empty())
    throw Refused("--web.config.file: " + in_quotes(path) + ": " + wrong);
  return parse_web_config(text, path);
}

}  // namespace fencewatch
