// What the Door keeps of a connection to a client, and of one to the server behind it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "exporter/base/bytes.h"
#include "exporter/web/request_head.h"
#include "exporter/web/tls.h"
#include "exporter/web/users.h"
#include "exporter/web/web_source.h"

namespace fencewatch::door {

using TimePoint = std::chrono::steady_clock::time_point;

// What an epoll event is about: a kind, which of them, and for clients which tenant of the place.
enum class Kind : uint8_t { wake, listener, upstream, client };
constexpr uint64_t tag(Kind kind, uint32_t index, uint32_t generation = 0) {
  return uint64_t{generation} << 32 | uint64_t{index} << 8 | static_cast<uint64_t>(kind);
}
constexpr Kind kind_of(uint64_t tag) { return static_cast<Kind>(tag & 0xff); }
constexpr uint32_t index_of(uint64_t tag) { return static_cast<uint32_t>(tag >> 8 & 0xffffff); }

struct Upstream;

struct Client {
  enum class State : uint8_t {
    handshaking,
    reading,     // a head, or idle before the first byte of one
    proving,     // a password is at work
    waiting,     // for an upstream
    exchanging,  // its upstream does the rest
    taking,      // the answer is here whole; the client is slow to take it, and needs no upstream for that
    answering,   // an answer of the door's own, after which the connection ends
    lingering    // all is said; what the client still sends is thrown away, or it would lose the answer
  };

  Client(int fd, std::shared_ptr<const Tls> tls, uint64_t t, Users::From f) : stream(fd, std::move(tls)), tag(t), from(f) {}

  // Has not asked anything sensible yet, or is about to leave.
  bool stranger() const {
    return state == State::lingering || state == State::answering || ((state == State::handshaking || state == State::reading) && !served);
  }
  bool slow() const { return rest.capacity() > 0; }
  bool idle() const { return state == State::reading && in_size == 0; }

  Stream stream;
  const uint64_t tag;
  const Users::From from;
  State state = State::handshaking;
  bool served = false;  // one of its requests was handed on
  TimePoint since;      // of the state; while reading, of the first byte of the head
  uint32_t watched = 0;

  std::shared_ptr<const WebSetup> setup;  // of the request
  RequestHead head;                       // points into `in`
  size_t head_size = 0;
  TimePoint asked;
  Upstream* upstream = nullptr;

  size_t in_size = 0;
  Bytes rest;                         // of an answer, while taking and until it has all come
  size_t out_begin = 0, out_end = 0;  // of `rest`, or of an answer of the door's own, which lies in `in`
  std::array<char, RequestHead::kMost> in;
};

struct Upstream {
  static constexpr size_t kBuffer = 16 << 10;  // a TLS record
  static constexpr size_t kMostHead = 4096;    // of an answer, with the headers of the web configuration

  enum class State : uint8_t { idle, sending, head, body };
  int fd = -1;
  uint32_t index = 0;
  State state = State::idle;
  bool used = false;         // it has carried an exchange: the server may close it at any time
  bool close_after = false;  // the server will
  bool told = false;         // the client has got something of the answer
  Client* client = nullptr;
  TimePoint since;  // of the request; once there is an answer, of that
  uint64_t body_left = 0;
  uint32_t watched = 0;
  size_t begin = 0, end = 0;
  std::array<char, kBuffer + kMostHead> buffer;
};

}  // namespace fencewatch::door
