#include "exporter/web/web_source.h"

#include <pthread.h>

#include <chrono>
#include <exception>
#include <utility>

#include "exporter/base/log.h"
#include "exporter/base/refused.h"

namespace fencewatch {

WebSource::WebSource(std::string path, bool health_open) : path_(std::move(path)), health_open_(health_open) {
  now_ = configured() ? read() : std::make_shared<const WebSetup>();
}

WebSource::~WebSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WebSource::start() {
  if (!configured()) return;
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "web-config");
    watch();
  });
}

std::shared_ptr<const WebSetup> WebSource::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

WebSource::Stamp WebSource::stamp(const std::string& file) {
  struct stat s {};
  if (stat(file.c_str(), &s) != 0) return {};
  return {{s.st_dev, s.st_ino, static_cast<uint64_t>(s.st_size), static_cast<uint64_t>(s.st_mtim.tv_sec),
           static_cast<uint64_t>(s.st_mtim.tv_nsec),
           static_cast<uint64_t>(s.st_ctim.tv_sec) << 32 ^ static_cast<uint64_t>(s.st_ctim.tv_nsec)}};
}

std::vector<WebSource::Stamp> WebSource::stamps() const {
  std::vector<Stamp> all;
  for (const std::string& file : files_) all.push_back(stamp(file));
  return all;
}

// The stamps are taken before the files are read: what is written meanwhile is seen the next time.
std::shared_ptr<const WebSetup> WebSource::read() {
  files_ = {path_};
  stamps_ = stamps();
  auto setup = std::make_shared<WebSetup>();
  setup->config = read_web_config(path_);
  const auto& tls = setup->config.tls;
  if (!tls) return setup;
  for (const std::string& file : {tls->cert_file, tls->key_file, tls->client_ca_file}) {
    if (file.empty()) continue;
    files_.push_back(file);
    stamps_.push_back(stamp(file));
  }
  setup->tls = std::make_shared<const Tls>(*tls, health_open_);
  return setup;
}

void WebSource::watch() noexcept {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
    lock.unlock();
    try {
      look();
    } catch (...) {  // memory: the next look tries again
      good_ = false;
    }
    lock.lock();
  }
}

// An emptied file must not open what was closed: what takes protection away is a restart's to do.
void WebSource::refuse_weaker(const WebSetup& before, const WebSetup& after) const {
  const auto asks_certificate = [](const WebSetup& setup) { return setup.tls && setup.tls->requires_certificate(); };
  if ((after.tls != nullptr) != (before.tls != nullptr)) throw Refused(path_ + ": TLS is switched on or off by a restart only");
  if (after.config.users.empty() && !before.config.users.empty()) throw Refused(path_ + ": passwords are switched off by a restart only");
  if (asks_certificate(before) && !asks_certificate(after))
    throw Refused(path_ + ": client certificates are switched off by a restart only");
}

// While the last reading was refused it is tried each time: what was wrong may lie outside of the files.
void WebSource::look() {
  if (good_ && stamps() == stamps_) return;
  try {
    auto setup = read();
    refuse_weaker(*now(), *setup);
    const std::lock_guard lock(mutex_);
    now_ = std::move(setup);
    complaint_.clear();
  } catch (const std::exception& e) {
    good_ = false;
    if (complaint_ == e.what()) return;
    complaint_ = e.what();
    log::warn("web configuration not reloaded, the one before stays", {{"reason", complaint_}});
    return;
  }
  good_ = true;
  log::info("web configuration reloaded", {{"file", path_}});
}

}  // namespace fencewatch
