// Quorum, as libvotequorum (votequorum_overview(3)) and, where votes are not what decides, libquorum (quorum_overview(3)) tell it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "collectors/corosync/client.h"

namespace fencewatch {

struct Quorum {
  std::optional<bool> quorate;
  std::optional<uint32_t> votes, expected_votes, needed_votes;  // votequorum only
};

// struct votequorum_info of corosync/votequorum.h.
struct VotequorumInfo {
  static constexpr unsigned kQuorate = 2;  // in `flags`

  unsigned node_id, node_state, node_votes, node_expected_votes;
  unsigned highest_expected, total_votes, quorum, flags;
  unsigned qdevice_votes;
  char qdevice_name[255];
};

// One kept connection, of the library that answers. Calls block as long as corosync is stopped. Not thread safe.
class QuorumClient {
 public:
  QuorumClient(const std::string& library_directory, AnswerTime& time);
  ~QuorumClient() { close(); }
  QuorumClient(const QuorumClient&) = delete;

  // Reads from a disk; on any thread, before the rest. What cannot be had is tried again by read().
  void load() {
    (void)votequorum_.open();
    (void)quorum_.open();
  }
  // `own_node`: for whom votequorum is asked; without it libquorum is. What cannot be had is absent: a cluster needs no quorum provider,
  // and what keeps corosync from answering is told by the map.
  Quorum read(std::optional<uint64_t> own_node, std::chrono::steady_clock::time_point now);
  void forget();

 private:
  Status connect(bool votes);
  Status read_votes(unsigned own_node, Quorum& out);
  Status read_quorate(Quorum& out);
  void close();

  ClientLibrary votequorum_, quorum_;
  AnswerTime& time_;
  enum class Connected { none, votequorum, quorum } connected_ = Connected::none;
  uint64_t handle_ = 0;
  bool no_votes_ = false;  // this corosync has no votequorum
  Backoff backoff_;
};

}  // namespace fencewatch
