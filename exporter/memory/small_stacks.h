// The default stack of new threads, smaller for a while: a stack is locked into memory whole. civetweb's threads do not follow it, they
// have 100 KiB of their own.
#pragma once

#include <pthread.h>

namespace fencewatch {

// Sanitizers need their larger stacks and keep them.
class SmallStacks {
 public:
  explicit SmallStacks([[maybe_unused]] size_t size) {
    pthread_getattr_default_np(&before_);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    set(size);
#endif
  }
  ~SmallStacks() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  SmallStacks(const SmallStacks&) = delete;

 private:
  [[maybe_unused]] void set(size_t size) {
    pthread_attr_t attributes;
    pthread_getattr_default_np(&attributes);
    pthread_attr_setstacksize(&attributes, size);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
  }
  pthread_attr_t before_;
};

}  // namespace fencewatch
