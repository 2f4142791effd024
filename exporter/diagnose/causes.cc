#include "exporter/diagnose/causes.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kBefore = 600 * kSecond, kAfter = 30 * kSecond;
constexpr double kProven = 5, kLikely = 4, kSupports = 2.5, kHints = 1;  // weights of evidence; from kEnough on it is a cause
constexpr double kEnough = 2;
constexpr std::string_view kUnknown = "power_or_unknown";

struct Name {
  std::string_view cause;
  const char *en, *zh;
};
constexpr Name kCauses[] = {
    {"zone_miscount", "its kernel's books of memory are wrong and its watermarks too low", "内核内存账目错误，水位线过低"},
    {"memory_exhausted", "its memory was exhausted", "内存耗尽"},
    {"cpu_starved", "it did not get the CPU", "得不到 CPU"},
    {"vm_paused", "the virtual machine was paused", "虚拟机被暂停"},
    {"kernel_hung", "its kernel hung or crashed", "内核挂起或崩溃"},
    {"network", "its network failed", "网络故障"},
    {"storage", "its storage did not answer", "存储无应答"},
    {"hardware", "its hardware failed", "硬件故障"},
    {"configuration", "its configuration had it fence itself", "配置不当导致自我隔离"},
    {"requested", "somebody asked for it", "有人主动要求"},
    {"resource_stop_failed", "a resource could not be stopped on it", "资源在其上停止失败"},
    {kUnknown, "the cause cannot be told from what is here", "现有材料无法判断原因"},
};

enum class Whose : uint8_t { own, peers, any };  // log

// What an event that stands near an incident says of its cause.
struct Sign {
  std::string_view event, cause;
  double weight;
  Whose whose;
  const char *en, *zh;
};
constexpr Sign kSigns[] = {
    {"allocation_failure", "memory_exhausted", kSupports, Whose::own, "the kernel could not allocate pages", "内核无法分配内存页"},
    {"oom_nothing_killable", "memory_exhausted", kProven, Whose::own, "memory was short and nothing could be killed",
     "内存不足且无可杀进程"},
    {"oom_panic", "memory_exhausted", kProven, Whose::own, "the kernel panicked for want of memory", "内核因内存不足而崩溃"},
    {"soft_lockup", "kernel_hung", kLikely, Whose::own, "a CPU was stuck in the kernel", "CPU 卡在内核中"},
    {"hard_lockup", "kernel_hung", kProven, Whose::own, "a CPU took no interrupts", "CPU 不响应中断"},
    {"hung_task", "kernel_hung", kSupports, Whose::own, "tasks were blocked for minutes", "任务被阻塞数分钟"},
    {"rcu_stall", "kernel_hung", kLikely, Whose::own, "RCU stalled", "RCU 停滞"},
    {"oops", "kernel_hung", kProven, Whose::own, "the kernel ran into a fault of its own", "内核自身出错（oops）"},
    {"rt_throttled", "cpu_starved", kSupports, Whose::own, "real-time processes were throttled, corosync is one",
     "实时进程被限流，corosync 即其一"},
    {"nic_hang", "network", kLikely, Whose::own, "a network device hung", "网卡挂起"},
    {"nic_transmit_timeout", "network", kLikely, Whose::own, "a network device did not send", "网卡发送超时"},
    {"nic_link_down", "network", kLikely, Whose::own, "a network device lost its link", "网卡链路断开"},
    {"bond_link_down", "network", kSupports, Whose::own, "a link of a bond went down", "bond 的成员链路断开"},
    {"bond_down", "network", kProven, Whose::own, "a bond ran without any link", "bond 已无可用链路"},
    {"failed_to_receive", "network", kSupports, Whose::own, "corosync could send and not receive", "corosync 能发不能收"},
    {"ring_fault", "network", kSupports, Whose::own, "a ring of corosync was marked faulty", "corosync 的环被标记为故障"},
    {"sbd_disk_latency", "storage", kLikely, Whose::own, "sbd's disk was slow", "sbd 磁盘响应缓慢"},
    {"sbd_majority_lost", "storage", kLikely, Whose::own, "sbd lost most of its disks", "sbd 失去多数磁盘"},
    {"sbd_header_lost", "storage", kSupports, Whose::own, "sbd's header was gone", "sbd 磁盘头丢失"},
    {"sbd_read_failed", "storage", kLikely, Whose::own, "sbd could not read its disk", "sbd 无法读取磁盘"},
    {"io_error", "storage", kSupports, Whose::own, "I/O errors", "I/O 错误"},
    {"path_failed", "storage", kSupports, Whose::own, "paths to disks failed", "磁盘路径失效"},
    {"disk_offline", "storage", kSupports, Whose::own, "a disk went offline", "磁盘离线"},
    {"scsi_error", "storage", kSupports, Whose::own, "SCSI transport errors", "SCSI 传输错误"},
    {"nvme_timeout", "storage", kSupports, Whose::own, "NVMe commands timed out", "NVMe 命令超时"},
    {"nfs_not_responding", "storage", kSupports, Whose::own, "an NFS server did not answer", "NFS 服务器无应答"},
    {"filesystem_error", "storage", kSupports, Whose::own, "a file system failed", "文件系统出错"},
    {"drbd_lost", "storage", kHints, Whose::own, "DRBD lost its peer", "DRBD 失去对端"},
    {"machine_check", "hardware", kProven + 1, Whose::own, "a machine check", "机器检查异常（MCE）"},
    {"memory_error", "hardware", kProven, Whose::own, "uncorrected errors of memory", "不可纠正的内存错误"},
    {"pcie_error", "hardware", kLikely, Whose::own, "uncorrected errors of PCIe", "不可纠正的 PCIe 错误"},
    {"unknown_nmi", "hardware", kSupports, Whose::own, "an NMI that nobody knew", "未知来源的 NMI"},
    {"overheated", "hardware", kSupports, Whose::own, "it was too hot", "温度过高"},
    {"sysrq_crash", "requested", kProven + 2, Whose::own, "somebody crashed it with sysrq", "有人用 sysrq 使其崩溃"},
    {"sysrq_reset", "requested", kProven + 2, Whose::own, "somebody reset it with sysrq", "有人用 sysrq 将其复位"},
    {"power_key", "requested", kProven, Whose::own, "its power key was pressed", "电源键被按下"},
    {"digest_mismatch", "configuration", kSupports, Whose::any, "corosync's keys or configurations differ", "corosync 密钥或配置不一致"},
    {"stop_failed", "resource_stop_failed", kProven, Whose::any, "the stop of a resource failed", "资源停止失败"},
    {"proxmox_slow", "cpu_starved", kHints, Whose::own, "its HA manager was slow", "HA 管理器迟缓"},
};

class Case {
 public:
  Case(const Happened& happened, std::span<const Facts> nodes, const NodeReport& target, const std::map<std::string, double>& offsets)
      : happened_(happened), nodes_(nodes), target_(target), findings_(target.findings), offsets_(offsets) {
    for (const Facts& facts : nodes)
      if (facts.node == happened.target) own_ = &facts;
  }

  std::vector<Considered> all() {
    for (const Sign& sign : kSigns) weigh(sign);
    weigh_kills();
    weigh_books();
    weigh_stalls();
    weigh_panic();
    weigh_who_asked();
    weigh_configuration();
    explain_away();
    return sorted();
  }

 private:
  Considered& cause(std::string_view which) {
    const auto found = std::ranges::find_if(causes_, [which](const Considered& c) { return c.cause == which; });
    if (found != causes_.end()) return *found;
    causes_.emplace_back().cause = which;
    return causes_.back();
  }
  double score(std::string_view which) const {
    const auto found = std::ranges::find_if(causes_, [which](const Considered& c) { return c.cause == which; });
    return found == causes_.end() ? 0 : found->score;
  }
  void speaks_for(std::string_view which, double weight, Text says, std::vector<Evidence> evidence) {
    Considered& considered = cause(which);
    considered.score += weight;
    considered.speaks_for.push_back({std::move(says), std::move(evidence)});
  }
  void against(std::string_view which, double weight, Text says, std::vector<Evidence> evidence = {}) {
    Considered& considered = cause(which);
    considered.score -= weight;
    considered.against.push_back({std::move(says), std::move(evidence)});
  }

  bool has(std::string_view finding) const { return std::ranges::find(findings_, finding, &Finding::id) != findings_.end(); }
  // By the clock of the teller.
  int64_t at_of(const Facts& facts) const {
    const auto offset = [&](const std::string& node) { return offsets_.contains(node) ? offsets_.at(node) : 0.0; };
    return happened_.at_us + static_cast<int64_t>((offset(happened_.teller->node) - offset(facts.node)) * 1e6);
  }
  bool near(const Facts& facts, const Event& event) const {
    const int64_t at_us = at_of(facts);
    return event.time_us >= at_us - kBefore && event.time_us <= at_us + kAfter;
  }
  // Of its own log, near the incident.
  std::vector<const Event*> own(std::string_view name) const {
    std::vector<const Event*> found;
    if (own_ == nullptr) return found;
    for (const Event& event : own_->events)
      if (event.name == name && near(*own_, event)) found.push_back(&event);
    return found;
  }
  std::vector<Evidence> evidence(const std::vector<const Event*>& events) const {
    std::vector<Evidence> all;
    for (const Event* event : events)
      if (all.size() < 5) all.push_back(evidence_of(*own_, *event));
    return all;
  }
  // A disk, an address: of whichever node tells, about the target or about itself.
  void weigh(const Sign& sign) {
    std::vector<Evidence> proof;
    for (const Facts& facts : nodes_) {
      if (&facts != own_ && sign.whose == Whose::own) continue;
      for (const Event& event : facts.events) {
        const std::string_view target = event["target"];
        const bool concerns = &facts == own_ ? target.empty() || target == happened_.target : target == happened_.target;
        if (event.name == sign.event && concerns && near(facts, event) && proof.size() < 5) proof.push_back(evidence_of(facts, event));
      }
    }
    if (!proof.empty()) speaks_for(sign.cause, sign.weight, {sign.en, sign.zh}, std::move(proof));
  }

  void weigh_kills() {
    std::vector<const Event*> whole, limited;
    for (const Event* kill : own("oom_kill"))
      (cause_of_kill(*own_, *kill, findings_).ends_with("_limit") ? limited : whole).push_back(kill);
    if (!whole.empty())
      speaks_for("memory_exhausted", kProven, {"processes were killed for want of memory of the whole machine", "整机内存不足，进程被杀"},
                 evidence(whole));
    if (!limited.empty())
      speaks_for("memory_exhausted", kHints, {"processes were killed at the limit of their own group", "进程因自身组的限额被杀"},
                 evidence(limited));
  }

  // Wrong books alone have been there all the time; with memory that runs out they are why.
  void weigh_books() {
    const auto found = std::ranges::find(findings_, "zone_miscounted", &Finding::id);
    const std::vector<const Event*> dumps = books_in_log();
    if (found == findings_.end() && dumps.empty()) {
      if (has("zones_counted_right"))
        against("zone_miscount", kLikely, {"no zone counts more pages than it has", "没有内存区计入多于其拥有的页"});
      return;
    }
    std::vector<Evidence> proof = found == findings_.end() ? evidence(dumps) : found->evidence;
    const double memory = score("memory_exhausted");
    const bool stalled = !own("scheduling_miss").empty() || !own("token_warning").empty() || !own("process_pause").empty();
    const double weight = memory >= kSupports ? kProven + 1 : memory > 0 && stalled ? kProven : stalled ? kSupports : kHints;
    speaks_for("zone_miscount", weight, {"its kernel counts pages in zones that do not have them", "内核将页计入并不拥有它们的内存区"},
               std::move(proof));
    if (memory > 0)
      against("memory_exhausted", memory - kHints,
              {"with right books the kernel would have reclaimed in time", "若账目正确，内核本可及时回收"});
  }

  // A dump of a zone that has far more pages than the kernel counts as its own.
  std::vector<const Event*> books_in_log() const {
    std::vector<const Event*> found;
    for (const Event* dump : own("zone_dump")) {
      double present = 0, managed = 0;
      const std::string_view zone = (*dump)["zone"];
      if (zone == "DMA" || zone == "DMA32" || !scan::number((*dump)["present"], present) || !scan::number((*dump)["managed"], managed))
        continue;
      if (managed > present || managed < 0.5 * present) found.push_back(dump);
    }
    return found;
  }

  bool virtual_machine() const {
    constexpr std::string_view kMakers[] = {"VMware",     "QEMU",   "Red Hat", "Microsoft", "Xen",          "innotek",
                                            "Amazon EC2", "Google", "Alibaba", "OpenStack", "Huawei Cloud", "Nutanix",
                                            "Parallels",  "KVM",    "oVirt",   "Bochs",     "Virtual"};
    return std::ranges::any_of(kMakers, [this](std::string_view maker) {
      return target_.vendor.find(maker) != std::string::npos || target_.product.find(maker) != std::string::npos;
    });
  }

  void weigh_stalls() {
    constexpr double kStolen = 20;  // percent
    std::vector<const Event*> stolen;
    for (const Event* pause : own("not_scheduled")) {
      double steal = 0;
      if (scan::number((*pause)["steal"], steal) && steal >= kStolen) stolen.push_back(pause);
    }
    if (!stolen.empty())
      speaks_for("cpu_starved", kProven, {"the hypervisor gave its CPUs to others", "宿主机将其 CPU 时间给了别人（steal）"},
                 evidence(stolen));
    std::vector<const Event*> stalls = own("process_pause");
    for (const std::string_view name : {"scheduling_miss", "not_scheduled"})
      for (const Event* stall : own(name)) stalls.push_back(stall);
    if (stalls.empty()) return;
    const bool is_virtual = virtual_machine();
    speaks_for(is_virtual ? "vm_paused" : "cpu_starved", kSupports, {"corosync did not run for seconds", "corosync 数秒未被调度"},
               evidence(stalls));
    if (!is_virtual && !own("process_pause").empty())
      speaks_for("vm_paused", kHints,
                 {"a whole machine may have stood still; whether it is virtual is not known", "整机可能停顿；是否为虚拟机未知"}, {});
  }

  void weigh_panic() {
    for (const Event* panic : own("panic")) {
      const std::string_view reason = (*panic)["reason"];
      constexpr std::string_view kTold[] = {"sysrq", "achine check", "ut of memory", "deadlocked on memory"};  // others count these
      if (std::ranges::any_of(kTold, [reason](std::string_view words) { return reason.find(words) != reason.npos; })) continue;
      return speaks_for("kernel_hung", kProven, {"its kernel panicked", "内核崩溃（panic）"}, evidence({panic}));
    }
  }

  void weigh_who_asked() {
    constexpr std::string_view kPeople[] = {"stonith_admin", "stonith-api", "pcs", "crm", "cibadmin", "fence_tool"};
    constexpr std::string_view kResource[] = {"resource failure", "failed there", "active there", "unrunnable"};
    for (const Facts& facts : nodes_) {
      for (const Event& event : facts.events) {
        const std::string_view target = event["target"];
        if (target.substr(0, target.find('.')) != happened_.target || !near(facts, event)) continue;
        const std::string_view client = event["client"].empty() ? event["other_client"] : event["client"], reason = event["reason"];
        const bool person =
            (event.name == "fence_result" || event.name == "fence_told" || event.name == "fencing_requested") &&
            std::ranges::any_of(kPeople, [client](std::string_view who) { return client.starts_with(who) && !client.starts_with("crmd"); });
        if (person || (event.name == "fencing_planned" && reason.find("fencing was requested") != reason.npos))
          once("requested", kProven + 2, {"it was asked for by hand or by another program", "由人工或其他程序请求"},
               evidence_of(facts, event));
        if (event.name == "fencing_planned" &&
            std::ranges::any_of(kResource, [reason](std::string_view w) { return reason.find(w) != reason.npos; }))
          once("resource_stop_failed", kLikely, {"the scheduler says so", "调度器给出的理由"}, evidence_of(facts, event));
      }
    }
  }
  void once(std::string_view which, double weight, Text says, Evidence proof) {
    Considered& considered = cause(which);
    for (Reason& reason : considered.speaks_for)
      if (reason.says.en == says.en) return reason.evidence.size() < 5 ? reason.evidence.push_back(std::move(proof)) : void();
    speaks_for(which, weight, std::move(says), {std::move(proof)});
  }

  // A disk's servant that is late is the storage, the cluster's is not.
  void weigh_configuration() {
    std::vector<const Event*> disks, cluster;
    for (const Event* late : own("sbd_servant_outdated")) ((*late)["servant"].starts_with('/') ? disks : cluster).push_back(late);
    if (!disks.empty()) speaks_for("storage", kSupports, {"sbd's disks did not answer in time", "sbd 磁盘未及时应答"}, evidence(disks));
    for (const Finding& finding : findings_) {
      const bool fits = finding.id == "sbd_watchdog_before_qdevice"
                            ? !cluster.empty()
                            : finding.id == "sbd_msgwait_short" && happened_.kind == Happened::Kind::self_fenced;
      if (!fits) continue;
      std::vector<Evidence> proof = evidence(cluster);
      proof.insert(proof.end(), finding.evidence.begin(), finding.evidence.end());
      speaks_for("configuration", kSupports + kHints, finding.says, std::move(proof));
    }
    if (!disks.empty() || score("storage") > 0)
      for (const Finding& finding : findings_)
        if (finding.id == "sbd_watchdog_short") speaks_for("configuration", kHints, finding.says, finding.evidence);
  }

  // Stalls, lost links and late tokens follow from the causes that hold a whole machine up.
  void explain_away() {
    for (const std::string_view first :
         {"zone_miscount", "memory_exhausted", "kernel_hung", "hardware", "requested", "resource_stop_failed"}) {
      if (score(first) < kLikely) continue;
      for (const std::string_view effect : {"cpu_starved", "vm_paused"})
        if (score(effect) > 0 && score(effect) < kProven)
          against(effect, kSupports, {"another cause holds the whole machine up", "另有原因使整机停顿"});
      break;
    }
    if (score("hardware") >= kProven && score("kernel_hung") > 0)
      against("kernel_hung", kLikely, {"the hardware failed first", "硬件先出故障"});
    if (score("cpu_starved") >= kProven && score("vm_paused") > 0)
      against("vm_paused", kHints, {"time was stolen piece by piece", "CPU 时间被逐段窃取"});
  }

  std::vector<Considered> sorted() {
    std::ranges::stable_sort(causes_, std::ranges::greater{}, &Considered::score);
    if (causes_.empty() || causes_.front().score < kEnough) {
      Considered unknown{.cause = std::string(kUnknown), .score = 0, .speaks_for = {}, .against = {}, .missing = missing()};
      causes_.insert(causes_.begin(), std::move(unknown));
    }
    return std::move(causes_);
  }

  std::vector<Text> missing() const {
    if (own_ == nullptr || own_->life.empty()) return {{"the logs of " + happened_.target, happened_.target + " 的日志"}};
    int64_t last_us = 0;
    for (const SignOfLife& sign : own_->life)
      for (const int64_t at_us : {sign.first_us, sign.last_us})
        if (at_us <= at_of(*own_) + kAfter) last_us = std::max(last_us, at_us);
    const std::string since = last_us == 0 ? "" : iso_time(own_->zone, last_us);
    return {{"anything that " + happened_.target + " said in its last minute" + (since.empty() ? "" : ": its log ends at " + since) +
                 "; a serial console, the management controller's log and a vmcore would tell",
             happened_.target + " 最后一分钟的任何记录" + (since.empty() ? "" : "（其日志止于 " + since + "）") +
                 "；串口控制台、BMC 日志或 vmcore 可以说明"}};
  }

  const Happened& happened_;
  const std::span<const Facts> nodes_;
  const NodeReport& target_;
  const std::span<const Finding> findings_;
  const std::map<std::string, double>& offsets_;
  const Facts* own_ = nullptr;  // null: nothing is here of the target
  std::vector<Considered> causes_;
};

}  // namespace

std::vector<Considered> causes_of(const Happened& happened, std::span<const Facts> nodes, const NodeReport& target,
                                  const std::map<std::string, double>& offsets) {
  return Case(happened, nodes, target, offsets).all();
}

Confidence confidence_in(std::span<const Considered> causes) {
  const Considered& first = causes.front();
  if (first.cause == kUnknown) return Confidence::low;
  const double apart = first.score - (causes.size() > 1 ? std::max(causes[1].score, 0.0) : 0);
  if (first.score >= kProven && apart >= kEnough) return Confidence::high;
  return first.score >= kSupports && apart >= kHints ? Confidence::medium : Confidence::low;
}

// The lines of one kill follow each other; the older kernels tell the limit in a line of its own.
std::string cause_of_kill(const Facts& facts, const Event& kill, std::span<const Finding> findings) {
  constexpr int64_t kOneKill = 5 * kSecond;
  std::string found = kill["prefix"].starts_with("Memory cgroup") ? "own_limit" : "whole_node";
  for (const Event& event : facts.events) {
    if (event.time_us > kill.time_us || event.time_us < kill.time_us - kOneKill || event.line > kill.line) continue;
    const std::string_view constraint = event["constraint"];
    if (event.name == "oom_intent") found = event["prefix"].starts_with("Memory cgroup") ? "own_limit" : "whole_node";
    if (event.name == "oom_task_cgroup") found = event["victim_cgroup"] == event["limit_cgroup"] ? "own_limit" : "parents_limit";
    if (event.name == "oom_summary" && constraint == "MEMCG") found = "own_limit";
    if (event.name == "oom_summary" && constraint == "CPUSET") found = "cpuset";
    if (event.name == "oom_summary" && constraint == "MEMORY_POLICY") found = "mempolicy";
    if (event.name == "oom_summary" && constraint == "NONE") found = "whole_node";
  }
  const bool wrong_books = std::ranges::find(findings, "zone_miscounted", &Finding::id) != findings.end();
  return found == "whole_node" && wrong_books ? "miscount" : found;
}

Text because(std::string_view cause) {
  for (const Name& known : kCauses)
    if (known.cause == cause) return {known.en, known.zh};
  return {};
}

}  // namespace fencewatch
