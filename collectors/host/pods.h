// Which pod a process belongs to: from its cgroup's path, and from the names below /var/log that the kubelet gives to the logs of
// containers. No API server is asked.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/node/node.h"

namespace fencewatch {

// Of a memory cgroup's path, as made by the kubelet with either cgroup driver for containerd, docker or cri-o:
//   /kubepods/burstable/pod12345678-1234-1234-1234-123456789abc/<container id>
//   /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12345678_1234_1234_1234_123456789abc.slice/cri-containerd-<id>.scope
//   …/kubepods-besteffort-pod<uid>.slice:cri-containerd:<id>
// A static pod's uid has 32 digits and no dashes.
struct PodCgroup {
  std::string uid;        // with dashes
  std::string container;  // its id; empty: the pod's own cgroup
};
std::optional<PodCgroup> pod_of(std::string_view memcg);

struct Workload {
  std::string name_space, pod, container;
};

// Not thread safe. Memory is bounded: at most kMost pods and containers are remembered.
class Pods {
 public:
  static constexpr size_t kMost = 4096;

  // Lists /var/log/containers and /var/log/pods, where they are. False: the disk does not answer.
  bool refresh(const Node& node);
  // By the container's id.
  const Workload* find(const PodCgroup& cgroup) const;
  // By the pod's uid; the container where the pod has but one below /var/log/pods, else "unknown". A pod that is not there is called by
  // its uid, in the namespace "unknown".
  Workload guess(const Node& node, const PodCgroup& cgroup) const;

 private:
  std::map<std::string, Workload, std::less<>> containers_;  // by id
  std::map<std::string, std::string, std::less<>> pods_;     // <namespace>_<pod>_<uid> by uid
};

}  // namespace fencewatch
