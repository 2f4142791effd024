#include "collectors/corosync/quorum.h"

#include "exporter/memory/locking.h"

namespace fencewatch {
namespace {

// Of corosync 2.4 and 3.
constexpr const char* kVotequorumSoname = "libvotequorum.so.8";
constexpr const char* kQuorumSoname = "libquorum.so.5";

constexpr int kOk = static_cast<int>(CsError::ok);

}  // namespace

QuorumClient::QuorumClient(const std::string& library_directory, AnswerTime& time)
    : votequorum_(kVotequorumSoname, library_directory), quorum_(kQuorumSoname, library_directory), time_(time) {}

void QuorumClient::close() {
  if (connected_ == Connected::none) return;
  const bool votes = connected_ == Connected::votequorum;
  connected_ = Connected::none;
  const auto finalize = votes ? votequorum_.find<int(uint64_t)>("votequorum_finalize") : quorum_.find<int(uint64_t)>("quorum_finalize");
  if (finalize) (void)finalize(handle_);
}

void QuorumClient::forget() {
  close();
  no_votes_ = false;
  backoff_.reset();
}

Status QuorumClient::connect(bool votes) {
  ClientLibrary& library = votes ? votequorum_ : quorum_;
  if (const Status status = library.open(); !status) return status;
  int error = static_cast<int>(CsError::not_exist);
  uint32_t type;
  if (votes) {
    if (const auto initialize = library.find<int(uint64_t*, void*)>("votequorum_initialize"))
      error = time_.measure([&] { return initialize(&handle_, nullptr); });
  } else if (const auto initialize = library.find<int(uint64_t*, void*, uint32_t*)>("quorum_initialize")) {
    error = time_.measure([&] { return initialize(&handle_, nullptr, &type); });
  }
  if (error != kOk) return status_of(CsError{error});
  connected_ = votes ? Connected::votequorum : Connected::quorum;
  return {};
}

Status QuorumClient::read_votes(unsigned own_node, Quorum& out) {
  const auto get = votequorum_.find<int(uint64_t, unsigned, VotequorumInfo*)>("votequorum_getinfo");
  VotequorumInfo info{};
  const int error = get ? time_.measure([&] { return get(handle_, own_node, &info); }) : static_cast<int>(CsError::not_exist);
  if (error != kOk) return status_of(CsError{error});
  out.quorate = (info.flags & VotequorumInfo::kQuorate) != 0;
  out.votes = info.total_votes;
  out.expected_votes = info.highest_expected;
  out.needed_votes = info.quorum;
  return {};
}

Status QuorumClient::read_quorate(Quorum& out) {
  const auto get = quorum_.find<int(uint64_t, int*)>("quorum_getquorate");
  int quorate = 0;
  const int error = get ? time_.measure([&] { return get(handle_, &quorate); }) : static_cast<int>(CsError::not_exist);
  if (error != kOk) return status_of(CsError{error});
  out.quorate = quorate != 0;
  return {};
}

Quorum QuorumClient::read(std::optional<uint64_t> own_node, std::chrono::steady_clock::time_point now) {
  if (connected_ == Connected::none) {
    if (!backoff_.due(now)) return {};
    const memory::LockAsUsed sparing;
    Status status{Code::missing, 0, {}, "no votequorum"};
    if (own_node && !no_votes_) status = connect(true);
    if (!status && status.code != Code::denied) status = connect(false);  // a second refusal would be two lines more in the log
    if (!status) return backoff_.failed(status, now), Quorum{};
    backoff_.reset();
  }
  Quorum quorum;
  const bool votes = connected_ == Connected::votequorum;
  const Status status = votes ? read_votes(static_cast<unsigned>(own_node.value_or(0)), quorum) : read_quorate(quorum);
  if (status) return quorum;
  close();
  no_votes_ = no_votes_ || votes;  // perhaps another provider decides
  backoff_.failed(status, now);
  return {};
}

}  // namespace fencewatch
