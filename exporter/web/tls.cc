#include "exporter/web/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>
#include <utility>

#include "exporter/base/refused.h"

namespace fencewatch {
namespace {

constexpr unsigned char kHttp11[] = "\x08http/1.1";
constexpr size_t kHttp11Size = sizeof kHttp11 - 1;
constexpr long kMostOfClient = 32 << 10;  // bytes of a client's certificates

std::string reason() {
  const unsigned long error = ERR_peek_error();  // the first: what follows is its consequence
  ERR_clear_error();
  const char* text = ERR_SYSTEM_ERROR(error) ? strerrordesc_np(ERR_GET_REASON(error)) : ERR_reason_error_string(error);
  return text ? text : "OpenSSL refuses it";
}

[[noreturn]] void refuse(std::string_view what, const std::string& detail) {
  const std::string why = reason();
  throw Refused(std::string(what) + ": " + (detail.empty() ? "" : in_quotes(detail) + ": ") + why);
}

// RFC 7301: who offers protocols and HTTP/1.1 is not among them cannot be served.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned int in_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11, kHttp11Size, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// A key with a passphrase is refused; OpenSSL would ask the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

int64_t expiry(const SSL_CTX* context) {
  tm time{};
  const X509* certificate = SSL_CTX_get0_certificate(context);
  return certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1 ? timegm(&time) : 0;
}

// As the toolkit writes it; empty for the kinds that it does not compare.
std::string text_of(const GENERAL_NAME* name) {
  int kind = 0;
  const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(name, &kind));
  if (kind != GEN_DNS && kind != GEN_EMAIL && kind != GEN_URI && kind != GEN_IPADD) return {};
  const unsigned char* data = ASN1_STRING_get0_data(value);
  const auto size = static_cast<size_t>(ASN1_STRING_length(value));
  if (kind != GEN_IPADD) return {reinterpret_cast<const char*>(data), size};
  char text[INET6_ADDRSTRLEN];
  const int family = size == 4 ? AF_INET : AF_INET6;
  return (size == 4 || size == 16) && inet_ntop(family, data, text, sizeof text) ? text : std::string();
}

}  // namespace

Tls::Tls(const TlsConfig& config, bool optional) : config_(config), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
  SSL_CTX* const c = context();
  if (!c) throw std::bad_alloc();
  constexpr int kVersions[] = {0, 0, TLS1_2_VERSION, TLS1_3_VERSION};
  SSL_CTX_set_min_proto_version(c, kVersions[config.min_minor]);
  SSL_CTX_set_max_proto_version(c, kVersions[config.max_minor]);
  // No session is resumed: a handshake is rare, and whoever was let in by what has been replaced meanwhile shall not be let in again.
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  if (config.prefer_server_ciphers) SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(c, 0);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(c, kMostOfClient);
  SSL_CTX_set_alpn_select_cb(c, choose_protocol, nullptr);
  if (!config.ciphers.empty() && !SSL_CTX_set_cipher_list(c, config.ciphers.c_str())) refuse("cipher_suites", config.ciphers);
  if (!config.suites.empty() && !SSL_CTX_set_ciphersuites(c, config.suites.c_str())) refuse("cipher_suites", config.suites);
  if (!config.groups.empty() && !SSL_CTX_set1_groups_list(c, config.groups.c_str())) refuse("curve_preferences", config.groups);
  load_certificate();
  load_clients(optional);
  ERR_clear_error();
}

void Tls::load_certificate() {
  SSL_CTX* const c = context();
  SSL_CTX_set_default_passwd_cb(c, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(c, config_.cert_file.c_str()) != 1) refuse("cert_file", config_.cert_file);
  if (SSL_CTX_use_PrivateKey_file(c, config_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) refuse("key_file", config_.key_file);
  if (SSL_CTX_check_private_key(c) != 1) refuse("key_file", config_.key_file);
  not_after_ = expiry(c);
}

void Tls::load_clients(bool optional) {
  if (config_.client_auth == ClientAuth::none) return;
  SSL_CTX* const c = context();
  if (!config_.client_ca_file.empty()) {
    if (SSL_CTX_load_verify_file(c, config_.client_ca_file.c_str()) != 1) refuse("client_ca_file", config_.client_ca_file);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(config_.client_ca_file.c_str());
    if (!names) refuse("client_ca_file", config_.client_ca_file);
    SSL_CTX_set_client_CA_list(c, names);
  }
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | (requires_certificate() && !optional ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_CTX_set_cert_verify_callback(c, verify, this);
}

bool Tls::requires_certificate() const {
  return config_.client_auth == ClientAuth::require_any || config_.client_auth == ClientAuth::require_and_verify;
}

int Tls::verify(X509_STORE_CTX* store, void* self) {
  const Tls& tls = *static_cast<const Tls*>(self);
  const bool checked = tls.config_.client_auth == ClientAuth::verify_if_given || tls.config_.client_auth == ClientAuth::require_and_verify;
  if (checked && X509_verify_cert(store) != 1) return 0;
  if (tls.allowed(X509_STORE_CTX_get0_cert(store))) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

bool Tls::allowed(X509* certificate) const {
  const auto& wanted = config_.client_allowed_sans;
  if (wanted.empty()) return true;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)), GENERAL_NAMES_free);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string text = text_of(sk_GENERAL_NAME_value(names.get(), i));
    if (!text.empty() && std::find(wanted.begin(), wanted.end(), text) != wanted.end()) return true;
  }
  return false;
}

void Tls::rehearse() const {
  using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
  using Side = std::unique_ptr<SSL, decltype(&SSL_free)>;
  const Context client(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const Side ours(SSL_new(context()), SSL_free), theirs(client ? SSL_new(client.get()) : nullptr, SSL_free);
  BIO *one = nullptr, *other = nullptr;
  if (!ours || !theirs || BIO_new_bio_pair(&one, 0, &other, 0) != 1) return ERR_clear_error();
  SSL_set_bio(ours.get(), one, one);
  SSL_set_bio(theirs.get(), other, other);
  SSL_set_accept_state(ours.get());
  SSL_set_connect_state(theirs.get());
  for (int i = 0; i < 8; ++i) {  // some flights each; one whose certificate is missing fails on the way, as far as it goes is enough
    SSL_do_handshake(theirs.get());
    SSL_do_handshake(ours.get());
  }
  char text[64] = "";
  size_t size = 0;
  SSL_write_ex(theirs.get(), text, sizeof text, &size);
  SSL_read_ex(ours.get(), text, sizeof text, &size);
  SSL_write_ex(ours.get(), text, sizeof text, &size);
  ERR_clear_error();
}

Stream::Stream(int fd, std::shared_ptr<const Tls> tls)
    : fd_(fd), tls_(std::move(tls)), ssl_(tls_ ? SSL_new(tls_->context()) : nullptr, SSL_free) {
  if (!tls_) return;
  if (!ssl_ || SSL_set_fd(ssl_.get(), fd) != 1) throw std::bad_alloc();
  SSL_set_accept_state(ssl_.get());
}

Stream::~Stream() {
  finish();
  close(fd_);
}

bool Stream::has_certificate() const { return ssl_ && SSL_get0_peer_certificate(ssl_.get()) != nullptr; }

void Stream::finish() {
  if (std::exchange(finished_, true)) return;
  if (ssl_ && !broken_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  shutdown(fd_, SHUT_WR);
}

Stream::Io Stream::result(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_NONE:
      return Io::done;
    case SSL_ERROR_WANT_READ:
      return Io::want_read;
    case SSL_ERROR_WANT_WRITE:
      return Io::want_write;
    case SSL_ERROR_ZERO_RETURN:
      return Io::ended;
    default:
      broken_ = true;
      ERR_clear_error();
      return Io::ended;
  }
}

Stream::Io Stream::handshake() {
  if (!ssl_) return Io::done;
  ERR_clear_error();
  return result(SSL_do_handshake(ssl_.get()));
}

Stream::Io Stream::read(char* to, size_t room, size_t& got) {
  got = 0;
  if (ssl_) {
    ERR_clear_error();
    return result(SSL_read_ex(ssl_.get(), to, room, &got));
  }
  const ssize_t n = recv(fd_, to, room, 0);
  if (n > 0) return got = static_cast<size_t>(n), Io::done;
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? Io::want_read : Io::ended;
}

Stream::Io Stream::write(const char* from, size_t size, size_t& put) {
  put = 0;
  if (ssl_) {
    ERR_clear_error();
    return result(SSL_write_ex(ssl_.get(), from, size, &put));
  }
  const ssize_t n = send(fd_, from, size, MSG_NOSIGNAL);
  if (n >= 0) return put = static_cast<size_t>(n), Io::done;
  return errno == EAGAIN || errno == EINTR ? Io::want_write : Io::ended;
}

}  // namespace fencewatch
