// Who may ask: HTTP's basic authentication against bcrypt hashes.
//
// bcrypt takes 50 ms and more by design, so it has a thread of its own with a bounded queue, and who has proven himself once is known from
// then on by a keyed hash of name, password and hash (never by the password itself). A flood of wrong passwords therefore delays only those
// who are not known yet; and once half of the queue is taken, one address has at most two in it, so that a flood from one address does not
// shut out the others.
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
  static constexpr int kWaiting = 32;
  static constexpr int kWaitingOfOne = 2;

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
    bool proven;
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
    bool known;  // the name is somebody's
    Key key;
    char hash[64];
    char password[kLongest + 1];
  };

  Key key_of(std::string_view name, std::string_view password, std::string_view hash) const;
  bool remembered(const Key& key);
  void work();

  const std::function<void()> wake_;
  Key secret_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::array<Job, kWaiting> jobs_;  // a ring; the first is at work
  size_t first_ = 0, waiting_ = 0;
  std::array<Told, kWaiting> told_;  // a ring; with the jobs no more than kWaiting
  size_t first_told_ = 0, untold_ = 0;
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
