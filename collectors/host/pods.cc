#include "collectors/host/pods.h"

#include <algorithm>
#include <array>

namespace fencewatch {
namespace {

constexpr std::string_view kContainers = "var/log/containers";
constexpr std::string_view kPods = "var/log/pods";
constexpr std::string_view kUnknown = "unknown";

bool hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool all_hex(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), hex); }

// With dashes, as in the names of directories; empty if it is none.
std::string uid_of(std::string_view text) {
  if (text.size() == 32 && all_hex(text)) return std::string(text);
  if (text.size() != 36) return {};
  std::string uid(text);
  for (size_t i = 0; i < uid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? uid[i] != '-' && uid[i] != '_' : !hex(uid[i])) return {};
    if (dash) uid[i] = '-';
  }
  return uid;
}

// What is between `begin` and the next '/' or ':', the next of which it goes to.
std::string_view cut_part(std::string_view& rest) {
  const size_t end = std::min(rest.find_first_of("/:"), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

void drop_suffix(std::string_view& text, std::string_view suffix) {
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
}

std::string pod_uid(std::string_view part) {
  drop_suffix(part, ".slice");
  const size_t pod = part.rfind("pod");
  if (pod == part.npos || (pod > 0 && part[pod - 1] != '-')) return {};
  return uid_of(part.substr(pod + 3));
}

// "cri-containerd-<id>.scope", "docker-<id>.scope", "crio-<id>", "<id>".
std::string container_id(std::string_view part) {
  drop_suffix(part, ".scope");
  part.remove_prefix(part.rfind('-') + 1);  // npos + 1 is 0
  return part.size() >= 12 && all_hex(part) ? std::string(part) : std::string();
}

// Three parts between two underscores, which no name of Kubernetes has.
bool three(std::string_view text, std::array<std::string_view, 3>& out) {
  const size_t first = text.find('_'), last = text.rfind('_');
  if (first == text.npos || first == last) return false;
  out = {text.substr(0, first), text.substr(first + 1, last - first - 1), text.substr(last + 1)};
  return std::none_of(out.begin(), out.end(), [](std::string_view part) { return part.empty() || part.find('_') != part.npos; });
}

}  // namespace

std::optional<PodCgroup> pod_of(std::string_view memcg) {
  PodCgroup found;
  while (!memcg.empty()) {
    const std::string_view part = cut_part(memcg);
    if (found.uid.empty()) {
      found.uid = pod_uid(part);
      continue;
    }
    if (part == "cri-containerd" || part == "crio" || part == "docker") continue;  // before a colon
    found.container = container_id(part);
    break;
  }
  if (found.uid.empty()) return std::nullopt;
  return found;
}

bool Pods::refresh(const Node& node) {
  Names names;
  std::array<std::string_view, 3> parts;
  const Status containers = node.list(kContainers, names);
  if (containers.code == Code::stuck) return false;
  if (containers) {  // <pod>_<namespace>_<container>-<id>.log
    containers_.clear();
    for (std::string_view name : names) {
      drop_suffix(name, ".log");
      const size_t dash = name.rfind('-');
      if (dash == name.npos || !all_hex(name.substr(dash + 1)) || !three(name.substr(0, dash), parts)) continue;
      if (containers_.size() >= kMost) break;
      containers_[std::string(name.substr(dash + 1))] = {std::string(parts[1]), std::string(parts[0]), std::string(parts[2])};
    }
  }
  const Status pods = node.list(kPods, names);
  if (!pods) return pods.code != Code::stuck;
  pods_.clear();
  for (const std::string& name : names) {  // <namespace>_<pod>_<uid>
    if (pods_.size() >= kMost) break;
    if (three(name, parts)) pods_[std::string(parts[2])] = name;
  }
  return true;
}

const Workload* Pods::find(const PodCgroup& cgroup) const {
  const auto container = containers_.find(cgroup.container);
  return container == containers_.end() ? nullptr : &container->second;
}

Workload Pods::guess(const Node& node, const PodCgroup& cgroup) const {
  Workload workload{std::string(kUnknown), cgroup.uid, std::string(kUnknown)};
  const auto pod = pods_.find(cgroup.uid);
  std::array<std::string_view, 3> parts;
  if (pod == pods_.end() || !three(pod->second, parts)) return workload;
  workload.name_space = parts[0];
  workload.pod = parts[1];
  Names containers;
  if (node.list(std::string(kPods) + '/' + pod->second, containers) && containers.size() == 1) workload.container = containers[0];
  return workload;
}

}  // namespace fencewatch
