// TLS by OpenSSL 3: a configuration that is ready for use, and a stream to a client with it or without.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "exporter/web/web_config.h"

namespace fencewatch {

// Certificate, key and policy as they were read. Any number of threads may use one; it lives as long as the last of its streams.
class Tls {
 public:
  // Throws Refused with one line that names the file. `optional`: who has no certificate passes the handshake where the policy requires
  // one; it is then for the server to give him only what is open to all (Stream::has_certificate()).
  Tls(const TlsConfig& config, bool optional);
  Tls(const Tls&) = delete;

  SSL_CTX* context() const { return context_.get(); }
  bool requires_certificate() const;
  // A handshake with ourselves in memory, so that no page of OpenSSL is first touched by a real one.
  void rehearse() const;
  int64_t not_after() const { return not_after_; }  // when the certificate expires, in seconds since the epoch

 private:
  static int verify(X509_STORE_CTX* store, void* self);
  bool allowed(X509* certificate) const;
  void load_certificate();
  void load_clients(bool optional);

  const TlsConfig config_;
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  int64_t not_after_ = 0;
};

// A connection that does not block. For one thread.
class Stream {
 public:
  enum class Io : uint8_t {
    done,
    want_read,   // again when it is readable
    want_write,  // again when it is writable
    ended
  };

  // Takes `fd`, unless it throws std::bad_alloc. Without `tls` plain.
  Stream(int fd, std::shared_ptr<const Tls> tls);
  ~Stream();  // tells the other side, as far as that works without waiting
  Stream(const Stream&) = delete;

  int fd() const { return fd_; }
  bool encrypted() const { return tls_ != nullptr; }
  bool has_certificate() const;
  bool requires_certificate() const { return tls_ && tls_->requires_certificate(); }

  Io handshake();
  Io read(char* to, size_t room, size_t& got);           // done: got > 0
  Io write(const char* from, size_t size, size_t& put);  // done: put > 0
  void finish();                                         // nothing more is written

 private:
  Io result(int returned);

  const int fd_;
  const std::shared_ptr<const Tls> tls_;
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool broken_ = false;  // OpenSSL wants nothing more to be done with it
  bool finished_ = false;
};

}  // namespace fencewatch
