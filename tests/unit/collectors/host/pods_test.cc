#include "collectors/host/pods.h"

#include <doctest/doctest.h>

#include "tests/unit/tree.h"

using namespace fencewatch;

namespace {

const std::string kUid = "1a2b3c4d-5e6f-7a8b-9c0d-123456789abc";
const std::string kScoredUid = "1a2b3c4d_5e6f_7a8b_9c0d_123456789abc";
const std::string kId(64, 'f');

std::string found(const std::string& path) {
  const auto pod = pod_of(path);
  return pod ? pod->uid + " " + pod->container : "none";
}

std::unique_ptr<Node> node_of(const TemporaryTree& tree) {
  Status status;
  auto node = open_node({tree / "proc", tree / "sys", tree.root()}, status);
  REQUIRE(node);
  return node;
}

std::string text(const Workload& workload) { return workload.name_space + "/" + workload.pod + "/" + workload.container; }

}  // namespace

TEST_CASE("pods: cgroups of both drivers and of containerd, docker and cri-o") {
  const std::string both = kUid + " " + kId;
  CHECK(found("/kubepods/burstable/pod" + kUid + "/" + kId) == both);
  CHECK(found("/kubepods/pod" + kUid + "/" + kId) == both);
  CHECK(found("/kubepods/besteffort/pod" + kUid + "/" + kId + "/init.scope") == both);
  const std::string slice = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kScoredUid + ".slice";
  CHECK(found(slice + "/docker-" + kId + ".scope") == both);
  CHECK(found(slice + "/cri-containerd-" + kId + ".scope") == both);
  CHECK(found(slice + "/crio-" + kId + ".scope") == both);
  CHECK(found(slice + "/crio-" + kId) == both);
  CHECK(found(slice + "/crio-" + kId + ".scope/container") == both);
  CHECK(found("/kubepods.slice/kubepods-pod" + kScoredUid + ".slice/cri-containerd-" + kId + ".scope") == both);
  CHECK(found("/system.slice/containerd.service/kubepods-burstable-pod" + kScoredUid + ".slice:cri-containerd:" + kId) == both);
  CHECK(found("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" + kScoredUid +
              ".slice/cri-containerd-" + kId + ".scope") == both);
  CHECK(found("/docker/" + kId + "/kubelet/kubepods/burstable/pod" + kUid + "/" + kId) == both);  // kind
  const std::string static_uid = "0123456789abcdef0123456789abcdef";
  CHECK(found("/kubepods/burstable/pod" + static_uid + "/" + kId) == static_uid + " " + kId);
  CHECK(found(slice) == kUid + " ");
  CHECK(found(slice + "/weird") == kUid + " ");
}

TEST_CASE("pods: cgroups of no pod") {
  const std::string paths[] = {"",
                               "/",
                               "/lab/a",
                               "/system.slice/podman.service",
                               "/kubepods.slice",
                               "/kubepods/podless",
                               "/docker/" + kId,
                               "/pod",
                               "/kubepods/pod1a2b3c4d",
                               "/kubepods/xpod" + kUid,
                               "/kubepods/pod" + kUid + "0",
                               "/machine.slice/libpod-" + kId + ".scope",
                               "/user.slice/(a),b"};
  for (const std::string& path : paths) {
    CAPTURE(path);
    CHECK(found(path) == "none");
  }
}

TEST_CASE("pods: any prefix of a path is taken apart") {
  const std::string whole = "/a/kubepods-burstable-pod" + kScoredUid + ".slice:cri-containerd:" + kId;
  const size_t uid_end = whole.find(".slice");
  for (size_t n = 0; n <= whole.size(); ++n) {
    CAPTURE(n);
    const auto pod = pod_of(std::string_view(whole).substr(0, n));
    // Whole without its ".slice", with it, and no part of it: the pod is known.
    const std::string_view rest = std::string_view(whole).substr(0, n).substr(std::min(n, uid_end));
    CHECK(pod.has_value() == (n >= uid_end && (rest.empty() || rest.starts_with(".slice"))));
    if (pod) CHECK(pod->uid == kUid);
  }
}

TEST_CASE("pods: names come from /var/log, by the container's id or by the pod's") {
  TemporaryTree tree;
  tree.file("var/log/containers/web-1_shop_nginx-" + kId + ".log", "");
  tree.file("var/log/containers/web-1_shop-nginx.log", "");
  tree.file("var/log/containers/README", "");
  tree.file("var/log/pods/shop_web-1_" + kUid + "/nginx/0.log", "");
  tree.file("var/log/pods/shop_web-1_" + kUid + "/init/0.log", "");
  tree.file("var/log/pods/kube-system_etcd-n1_0123456789abcdef0123456789abcdef/etcd/3.log", "");
  tree.directory("var/log/pods/1a2b3c4d-0000-0000-0000-123456789abc");  // before Kubernetes 1.14
  const auto node = node_of(tree);
  Pods pods;
  CHECK(pods.find({kUid, kId}) == nullptr);
  pods.refresh(*node);
  REQUIRE(pods.find({kUid, kId}) != nullptr);
  CHECK(text(*pods.find({kUid, kId})) == "shop/web-1/nginx");
  CHECK(pods.find({kUid, std::string(64, 'a')}) == nullptr);
  CHECK(pods.find({kUid, ""}) == nullptr);
  CHECK(text(pods.guess(*node, {kUid, std::string(64, 'a')})) == "shop/web-1/unknown");  // one of two
  CHECK(text(pods.guess(*node, {"0123456789abcdef0123456789abcdef", ""})) == "kube-system/etcd-n1/etcd");
  CHECK(text(pods.guess(*node, {"1a2b3c4d-0000-0000-0000-123456789abc", ""})) == "unknown/1a2b3c4d-0000-0000-0000-123456789abc/unknown");
}

TEST_CASE("pods: a pod that is gone is forgotten, a directory that is gone is not the end of it") {
  TemporaryTree tree;
  tree.directory("var/log/containers");
  tree.directory("var/log/pods/shop_web-1_" + kUid);
  const auto node = node_of(tree);
  Pods pods;
  pods.refresh(*node);
  CHECK(text(pods.guess(*node, {kUid, ""})) == "shop/web-1/unknown");
  std::filesystem::remove(tree / ("var/log/pods/shop_web-1_" + kUid));
  CHECK(text(pods.guess(*node, {kUid, ""})) == "shop/web-1/unknown");
  pods.refresh(*node);
  CHECK(text(pods.guess(*node, {kUid, ""})) == "unknown/" + kUid + "/unknown");
  TemporaryTree empty;
  pods.refresh(*node_of(empty));
}

TEST_CASE("pods: memory is bounded") {
  TemporaryTree tree;
  for (size_t i = 0; i < Pods::kMost + 10; ++i) {
    char id[65];
    snprintf(id, sizeof id, "%064zx", i);
    tree.file("var/log/containers/p_n_c-" + std::string(id) + ".log", "");
  }
  Pods pods;
  pods.refresh(*node_of(tree));
  char last[65];
  snprintf(last, sizeof last, "%064zx", Pods::kMost - 1);
  CHECK(pods.find({"", last}) != nullptr);
  snprintf(last, sizeof last, "%064zx", Pods::kMost);
  CHECK(pods.find({"", last}) == nullptr);
}
