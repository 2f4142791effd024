// Who may ask: HTTP's basic authentication against bcrypt hashes.
//
// bcrypt takes 50 ms and more by design, so it has a thread of its own with a bounded queue, and who has proven himself once is known from
// then on by a keyed hash of name, password and hash (never by the password itself). A flood of wrong passwords therefore delays only those
// who are not known yet. Of these the next is one whose address has failed least lately, and when the queue is full he takes the place of
// one whose address has failed most: a flood from many addresses delays a right password by one hash or two.
// A name that nobody has costs as much time as the dearest of those that somebody has, by a hash that nothing proves. (Where hashes differ
// in cost, time still tells the cheaper ones.)
//
// check() and next() are for one thread. RFC 7617; crypt(5).
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "exporter/web/web_config.h"

struct crypt_data;

namespace fencewatch {

class Users {
 public:
  static constexpr size_t kLongest = 255;  // of a name or a password; longer ones are refused
  static constexpr size_t kWaiting = 32;
  static constexpr size_t kWaitingOfOne = 2;  // once half of the queue is taken
  static constexpr size_t kFailed = 512;      // addresses that are remembered for what they have failed

  // Whom the queue counts together: an address without its port, 0 for those that have none.
  using From = uint64_t;

  enum class Verdict : uint8_t {
    refused,
    proven,
    pending,  // next() will tell
    busy      // the queue is full
  };
  struct Told {
    uint64_t ticket;
    Verdict verdict;  // proven, refused, or busy: he had to make room
  };

  // `wake` is called on another thread when next() has something to tell.
  explicit Users(std::function<void()> wake);
  ~Users();  // waits for a password at work
  Users(const Users&) = delete;

  Verdict check(const WebConfig::Users& users, std::string_view name, std::string_view password, From from, uint64_t ticket);
  bool next(Told& told);

 private:
  using Key = std::array<unsigned char, 32>;
  struct Job {
    uint64_t ticket;
    From from;
    uint32_t failed;  // how often his address had when he came
    bool known;       // the name is somebody's
    Key key;
    char hash[64];
    char password[kLongest + 1];
  };

  Key key_of(std::string_view name, std::string_view password, std::string_view hash) const;
  bool remembered(const Key& key);
  bool make_room(uint32_t failed);
  uint32_t failures_of(From from) const;
  void count_failure(From from);
  void tell(const Job& job, Verdict verdict);
  void prove(Job& job, bool& proven);
  void work() noexcept;

  const std::function<void()> wake_;
  Key secret_;
  std::mutex mutex_;
  std::condition_variable more_;
  struct Failed {
    From from = 0;
    uint32_t times = 0;
  };

  std::array<Job, kWaiting> jobs_;  // in the order in which they came; without the one at work
  size_t waiting_ = 0;
  std::array<Told, 3 * kWaiting> told_;  // a ring: whoever waits, is at work or has made room has a place
  size_t first_told_ = 0, untold_ = 0;
  std::array<Failed, kFailed> failed_{};  // a ring of those that began to fail last
  size_t next_failed_ = 0;
  std::array<Key, 64> proven_{};
  size_t next_proven_ = 0, proven_count_ = 0;
  bool stopping_ = false;
  std::unique_ptr<crypt_data> scratch_;
  std::thread thread_;
};

// What a password of `name` is compared with: his hash, or one of the highest cost among `users` that nothing proves.
std::string hash_for(const WebConfig::Users& users, std::string_view name, bool& known);

// "Basic dXNlcjpwYXNz" → user, pass, within `buffer`. False when it is no such header.
bool basic_credentials(std::string_view header, std::array<char, 1024>& buffer, std::string_view& name, std::string_view& password);

}  // namespace fencewatch
