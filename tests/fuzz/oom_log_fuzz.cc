// Cgroups' paths, and the memory of the kernel's log: a pod has a uid, and a memory that was taken over is the same again.
#include <cstdint>
#include <cstdlib>

#include "collectors/host/pods.h"
#include "collectors/memory/oom_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto pod = fencewatch::pod_of(text);
  if (pod && pod->uid.size() != 32 && pod->uid.size() != 36) std::abort();
  fencewatch::OomLog first, second;
  first.remember(text);
  second.remember(first.memory());
  if (second.memory() != first.memory()) std::abort();
  return 0;
}
