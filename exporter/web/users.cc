#include "exporter/web/users.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "exporter/memory/small_stacks.h"

namespace fencewatch {
namespace {

constexpr size_t kStack = 64 << 10;

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// RFC 4648 4, strict but for padding, which may be left out. False when it is no base64 or does not fit.
bool decode(std::string_view text, std::array<char, 1024>& out, size_t& size) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  if (text.size() % 4 == 1 || text.size() / 4 * 3 + 3 > out.size()) return false;
  uint32_t bits = 0;
  int held = 0;
  size = 0;
  for (const char c : text) {
    const int value = value_of(c);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out[size++] = static_cast<char>(bits >> held & 0xff);
  }
  return true;
}

}  // namespace

bool basic_credentials(std::string_view header, std::array<char, 1024>& buffer, std::string_view& name, std::string_view& password) {
  constexpr std::string_view kScheme = "basic ";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  if (header.size() < kScheme.size() ||
      !std::equal(kScheme.begin(), kScheme.end(), header.begin(), [&](char b, char a) { return same(a, b); }))
    return false;
  header.remove_prefix(std::min(header.find_first_not_of(' ', kScheme.size()), header.size()));
  size_t size = 0;
  if (!decode(header, buffer, size)) return false;
  const std::string_view both(buffer.data(), size);
  const size_t colon = both.find(':');
  if (colon == both.npos) return false;
  name = both.substr(0, colon);
  password = both.substr(colon + 1);
  return true;
}

std::string hash_for(const WebConfig::Users& users, std::string_view name, bool& known) {
  const auto found = users.find(name);
  known = found != users.end();
  if (known) return found->second;
  std::string cost = "04";
  for (const auto& [other, hash] : users) cost = std::max(cost, hash.substr(4, 2));
  return "$2b$" + cost + "$" + std::string(53, '.');
}

Users::Users(std::function<void()> wake) : wake_(std::move(wake)), scratch_(std::make_unique<crypt_data>()) {
  if (getrandom(secret_.data(), secret_.size(), 0) != static_cast<ssize_t>(secret_.size())) throw std::runtime_error("no random numbers");
  const SmallStacks stacks(kStack);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "passwords");
    work();
  });
}

Users::~Users() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  more_.notify_all();
  thread_.join();
}

Users::Key Users::key_of(std::string_view name, std::string_view password, std::string_view hash) const {
  char text[2 * kLongest + 64];  // the hash has a fixed length and a name no colon: no two triples give the same text
  char* end = std::copy(hash.begin(), hash.end(), text);
  end = std::copy(name.begin(), name.end(), end);
  *end++ = ':';
  end = std::copy(password.begin(), password.end(), end);
  Key key{};
  const auto size = static_cast<size_t>(end - text);
  if (!HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), reinterpret_cast<unsigned char*>(text), size, key.data(),
            nullptr))
    throw std::bad_alloc();
  OPENSSL_cleanse(text, sizeof text);
  return key;
}

bool Users::remembered(const Key& key) {
  bool found = false;
  for (size_t i = 0; i < proven_count_; ++i) found |= CRYPTO_memcmp(proven_[i].data(), key.data(), key.size()) == 0;
  return found;
}

Users::Verdict Users::check(const WebConfig::Users& users, std::string_view name, std::string_view password, From from, uint64_t ticket) {
  if (name.size() > kLongest || password.size() > kLongest || password.find('\0') != password.npos) return Verdict::refused;
  bool known = false;
  const std::string hash = hash_for(users, name, known);
  const Key key = key_of(name, password, hash);
  {
    const std::lock_guard lock(mutex_);
    if (known && remembered(key)) return Verdict::proven;
    const uint32_t failed = failures_of(from);
    const auto of_one =
        static_cast<size_t>(std::count_if(jobs_.begin(), jobs_.begin() + waiting_, [from](const Job& j) { return j.from == from; }));
    if (of_one >= kWaitingOfOne && waiting_ >= kWaiting / 2) return Verdict::busy;
    if (untold_ >= kWaiting || (waiting_ == kWaiting && !make_room(failed))) return Verdict::busy;
    Job& job = jobs_[waiting_++];
    job = {.ticket = ticket, .from = from, .failed = failed, .known = known, .key = key, .hash = {}, .password = {}};
    hash.copy(job.hash, sizeof job.hash - 1);
    password.copy(job.password, kLongest);
  }
  more_.notify_one();
  return Verdict::pending;
}

bool Users::next(Told& told) {
  const std::lock_guard lock(mutex_);
  if (untold_ == 0) return false;
  told = told_[first_told_];
  first_told_ = (first_told_ + 1) % told_.size();
  --untold_;
  return true;
}

void Users::tell(const Job& job, Verdict verdict) { told_[(first_told_ + untold_++) % told_.size()] = {job.ticket, verdict}; }

// The last to come of those whose address has failed most goes, unless the one who comes is no better.
bool Users::make_room(uint32_t failed) {
  Job* worst = &jobs_[0];
  for (size_t i = 1; i < waiting_; ++i)
    if (jobs_[i].failed >= worst->failed) worst = &jobs_[i];
  if (worst->failed <= failed) return false;
  tell(*worst, Verdict::busy);
  OPENSSL_cleanse(worst->password, sizeof worst->password);
  std::move(worst + 1, jobs_.data() + waiting_--, worst);
  return true;
}

uint32_t Users::failures_of(From from) const {
  const auto found = std::find_if(failed_.begin(), failed_.end(), [from](const Failed& f) { return f.times > 0 && f.from == from; });
  return found == failed_.end() ? 0 : found->times;
}

void Users::count_failure(From from) {
  const auto found = std::find_if(failed_.begin(), failed_.end(), [from](const Failed& f) { return f.times > 0 && f.from == from; });
  if (found != failed_.end()) {
    ++found->times;
  } else {
    failed_[next_failed_] = {from, 1};
    next_failed_ = (next_failed_ + 1) % failed_.size();
  }
}

void Users::prove(Job& job, bool& proven) {
  const char* hashed = crypt_rn(job.password, job.hash, scratch_.get(), sizeof *scratch_);
  const bool same = hashed && std::strlen(hashed) == std::strlen(job.hash) && CRYPTO_memcmp(hashed, job.hash, std::strlen(job.hash)) == 0;
  proven = same && job.known;
  OPENSSL_cleanse(job.password, sizeof job.password);
  OPENSSL_cleanse(scratch_.get(), sizeof *scratch_);
}

void Users::work() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    more_.wait(lock, [this] { return stopping_ || waiting_ > 0; });
    if (stopping_) return;
    Job* const next =
        std::min_element(jobs_.data(), jobs_.data() + waiting_, [](const Job& a, const Job& b) { return a.failed < b.failed; });
    Job job = *next;
    std::move(next + 1, jobs_.data() + waiting_--, next);
    OPENSSL_cleanse(jobs_[waiting_].password, sizeof jobs_[waiting_].password);
    lock.unlock();
    bool proven = false;
    prove(job, proven);
    lock.lock();
    if (proven && !remembered(job.key)) {
      proven_[next_proven_] = job.key;
      next_proven_ = (next_proven_ + 1) % proven_.size();
      proven_count_ = std::min(proven_count_ + 1, proven_.size());
    }
    if (!proven) count_failure(job.from);
    tell(job, proven ? Verdict::proven : Verdict::refused);
    lock.unlock();
    wake_();
    lock.lock();
  }
}

}  // namespace fencewatch
