// The findings about a node: of its kernel's books, its watermarks, its configuration, and of signs in its logs.
#include "exporter/report/findings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "collectors/host/advisories.h"
#include "exporter/base/scan.h"

namespace fencewatch {
namespace {

std::string number(double value, const char* form = "%.0f") {
  char text[64];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

std::string release_of(const Facts& facts) {
  const auto infos = facts.samples.of("fencewatch_kernel_info");
  return infos.empty() ? std::string() : std::string(infos.front()->label("release"));
}

std::vector<Advisory> advisories_of(const Facts& facts) {
  static const Advisories list(std::string(kBuiltInAdvisories), "advisories.yaml");
  std::vector<Advisory> found;
  const std::string release = release_of(facts);
  for (const Sample* sample : facts.samples.of("fencewatch_kernel_advisory")) {
    if (sample->value != 1) continue;
    Advisory advisory{std::string(sample->label("advisory")), std::string(sample->label("status")), {}};
    for (size_t i = 0; i < list.size(); ++i)
      if (list.id(i) == advisory.id) advisory.fixed_in = list.fixed_in(i, release);
    found.push_back(std::move(advisory));
  }
  return found;
}

void prove(const Facts& facts, std::string_view metric, Finding& out) {
  for (const Sample* sample : facts.samples.of(metric)) out.evidence.push_back(evidence_of(facts, *sample));
}

// "4.19.90-25.22", "25.22" where the list knows no more.
std::string mended_in(const Facts& facts) {
  for (const Advisory& advisory : advisories_of(facts))
    if (advisory.status == "affected" && !advisory.fixed_in.empty()) return advisory.id + ": " + advisory.fixed_in;
  return {};
}

// By how much min_free_kbytes must grow so that the zone whose watermark is the worst has what it should have.
std::string larger_min_free(const Facts& facts) {
  const auto ratio = facts.samples.value("fencewatch_zones_watermark_honoured_ratio_min");
  const auto bytes = facts.samples.value("fencewatch_min_free_bytes");
  if (!ratio || !bytes || *ratio <= 0 || *ratio >= 1) return {};
  return number(std::ceil(*bytes / 1024 / *ratio));
}

bool zone_miscounted(const Facts& facts, Finding& out) {
  std::string zones;
  for (const Sample* sample : facts.samples.of("fencewatch_zone_miscount")) {
    if (sample->value != 1) continue;
    zones.append(zones.empty() ? "" : ", ").append("node ").append(sample->label("numa_node")).append(" ").append(sample->label("zone"));
    out.evidence.push_back(evidence_of(facts, *sample));
  }
  if (zones.empty()) return false;
  const double pages = facts.samples.value("fencewatch_zones_phantom_pages").value_or(0);
  const double page = facts.samples.value("fencewatch_page_size_bytes").value_or(0);
  const std::string size = page > 0 ? " (" + number(pages * page / (1 << 30), "%.1f") + " GiB)" : "";
  prove(facts, "fencewatch_zones_phantom_pages", out);
  const std::string mended = mended_in(facts), larger = larger_min_free(facts);
  out.says = {"The kernel " + release_of(facts) + " counts " + number(pages) + " pages" + size + " in zones that do not have them (" +
                  zones + "); the watermarks of the real zones are too low.",
              "内核 " + release_of(facts) + " 将 " + number(pages) + " 页" + size + " 误计入并不拥有它们的内存区（" + zones +
                  "），真实内存区的水位线因此过低。"};
  out.advice = {"For good: another kernel" + (mended.empty() ? "" : " (" + mended + " or later)") + "." +
                    (larger.empty() ? ""
                                    : " Until then: sysctl vm.min_free_kbytes=" + larger +
                                          ", which gives the worst zone the watermark that it should have."),
                "根治：更换内核" + (mended.empty() ? "" : "（" + mended + " 或更高）") + "。" +
                    (larger.empty() ? "" : "在此之前：sysctl vm.min_free_kbytes=" + larger + "，使最差的内存区得到应有的水位线。")};
  return true;
}

bool zones_counted_right(const Facts& facts, Finding& out) {
  const auto counted = facts.samples.of("fencewatch_zone_miscount");
  if (counted.empty() || std::ranges::any_of(counted, [](const Sample* sample) { return sample->value != 0; })) return false;
  prove(facts, "fencewatch_zones_phantom_pages", out);
  out.says = {"No zone counts more pages than it has.", "没有内存区计入多于其拥有的页。"};
  return true;
}

bool watermarks_collapsed(const Facts& facts, Finding& out) {
  constexpr double kCollapsed = 0.5;
  const auto ratio = facts.samples.value("fencewatch_zones_watermark_honoured_ratio_min");
  if (!ratio || *ratio >= kCollapsed || facts.samples.value("fencewatch_zones_watermarks_outdated").value_or(0) == 1) return false;
  prove(facts, "fencewatch_zones_watermark_honoured_ratio_min", out);
  const std::string larger = larger_min_free(facts);
  out.says = {"A zone's min watermark is " + number(*ratio * 100) + " % of what the kernel's own formula gives.",
              "某内存区的 min 水位线仅为内核公式所得值的 " + number(*ratio * 100) + " %。"};
  if (!larger.empty())
    out.advice = {"sysctl vm.min_free_kbytes=" + larger + " makes up for it.", "sysctl vm.min_free_kbytes=" + larger + " 可予以弥补。"};
  return true;
}

bool kernel_affected(const Facts& facts, Finding& out) {
  std::string ids, fixed;
  for (const Advisory& advisory : advisories_of(facts)) {
    if (advisory.status != "affected") continue;
    ids += (ids.empty() ? "" : ", ") + advisory.id;
    if (!advisory.fixed_in.empty()) fixed += (fixed.empty() ? "" : ", ") + advisory.fixed_in;
  }
  if (ids.empty()) return false;
  for (const Sample* sample : facts.samples.of("fencewatch_kernel_advisory"))
    if (sample->label("status") == "affected") out.evidence.push_back(evidence_of(facts, *sample));
  out.says = {"The kernel " + release_of(facts) + " has a known fault: " + ids + ".",
              "内核 " + release_of(facts) + " 有已知缺陷：" + ids + "。"};
  if (!fixed.empty()) out.advice = {"Mended in " + fixed + ".", "已在 " + fixed + " 中修复。"};
  return true;
}

bool balloon_at_work(const Facts& facts, Finding& out) {
  if (facts.samples.value("fencewatch_zones_watermarks_outdated").value_or(0) != 1) return false;
  prove(facts, "fencewatch_zones_watermarks_outdated", out);
  out.says = {
      "A balloon, or memory that was plugged in, changed the zones after the kernel computed their watermarks. Nothing is wrong with the "
      "kernel.",
      "气球驱动或内存热插拔在内核计算水位线之后改变了内存区。内核本身没有问题。"};
  out.advice = {"Writing vm.min_free_kbytes again has them computed anew.", "重新写入 vm.min_free_kbytes 即可重新计算。"};
  return true;
}

template <size_t N>
bool told(const Facts& facts, const std::string_view (&names)[N], Finding& out) {
  constexpr size_t kEnough = 10;
  for (const Event& event : facts.events) {
    if (std::ranges::find(names, event.name) == std::end(names)) continue;
    if (out.evidence.size() < kEnough) out.evidence.push_back(evidence_of(facts, event));
  }
  return !out.evidence.empty();
}

bool token_late(const Facts& facts, Finding& out) {
  constexpr std::string_view kNames[] = {"token_warning", "token_timeout", "scheduling_miss", "process_pause"};
  if (!told(facts, kNames, out)) return false;
  out.says = {"corosync's token was late or lost, or corosync did not get the CPU in time.",
              "corosync 令牌迟到或丢失，或 corosync 未能及时获得 CPU。"};
  out.advice = {"A larger token timeout hides a late node and mends nothing: find what held it up.",
                "增大令牌超时只会掩盖迟缓的节点，并不能解决问题：请查明原因。"};
  return true;
}

bool fencing_failed(const Facts& facts, Finding& out) {
  for (const Event& event : facts.events)
    if (event.name == "fence_result" && !event["result"].starts_with("OK") && out.evidence.size() < 10)
      out.evidence.push_back(evidence_of(facts, event));
  if (out.evidence.empty()) return false;
  out.says = {"A fencing operation failed.", "隔离操作失败。"};
  out.advice = {"Until a node is fenced its resources do not move: test the device with stonith_admin.",
                "节点未被隔离前资源不会迁移：请用 stonith_admin 测试隔离设备。"};
  return true;
}

bool sbd_warned(const Facts& facts, Finding& out) {
  constexpr std::string_view kNames[] = {"sbd_servant_outdated", "sbd_majority_lost", "sbd_no_liveness",
                                         "sbd_disk_latency",     "sbd_unhealthy",     "sbd_header_lost"};
  if (!told(facts, kNames, out)) return false;
  out.says = {"sbd warned: its disk, its servants or the cluster did not answer in time.", "sbd 告警：磁盘、servant 或集群未及时应答。"};
  return true;
}

// Seconds; nothing when it is not set or no number.
std::optional<double> seconds(const Facts& facts, std::string_view key) {
  const Configured* found = facts.configured(key);
  double value = 0;
  if (found == nullptr || !scan::number(std::string_view(found->value), value)) return std::nullopt;
  return value;
}

void prove(const Facts& facts, std::initializer_list<std::string_view> keys, Finding& out) {
  for (const std::string_view key : keys)
    if (const Configured* found = facts.configured(key)) out.evidence.push_back(evidence_of(facts, *found));
}

constexpr double kSyncTimeout = 30;  // milliseconds are 30000: corosync-qdevice(8)

bool watchdog_before_qdevice(const Facts& facts, Finding& out) {
  const auto watchdog = seconds(facts, "sbd.SBD_WATCHDOG_TIMEOUT");
  const Configured* model = facts.configured("corosync.quorum.device.model");
  if (!watchdog || model == nullptr) return false;
  const double sync = seconds(facts, "corosync.quorum.device.sync_timeout").value_or(kSyncTimeout * 1000) / 1000;
  if (*watchdog >= sync) return false;
  prove(facts, {"sbd.SBD_WATCHDOG_TIMEOUT", "corosync.quorum.device.model", "corosync.quorum.device.sync_timeout"}, out);
  out.says = {"sbd's watchdog fires after " + number(*watchdog) + " s, while corosync may wait " + number(sync) +
                  " s for qdevice: a healthy survivor resets itself.",
              "sbd 看门狗在 " + number(*watchdog) + " 秒后触发，而 corosync 最多会等待 qdevice " + number(sync) +
                  " 秒：健康的存活节点会自行复位。"};
  out.advice = {"SBD_WATCHDOG_TIMEOUT above sync_timeout, or a shorter sync_timeout.",
                "将 SBD_WATCHDOG_TIMEOUT 调到大于 sync_timeout，或减小 sync_timeout。"};
  return true;
}

bool msgwait_too_short(const Facts& facts, Finding& out) {
  const auto watchdog = seconds(facts, "sbd.disk.watchdog"), msgwait = seconds(facts, "sbd.disk.msgwait");
  if (!watchdog || !msgwait || *msgwait >= 2 * *watchdog) return false;
  prove(facts, {"sbd.disk.watchdog", "sbd.disk.msgwait"}, out);
  out.says = {"sbd's msgwait is " + number(*msgwait) + " s, less than twice the watchdog's " + number(*watchdog) + " s.",
              "sbd 的 msgwait 为 " + number(*msgwait) + " 秒，小于看门狗超时 " + number(*watchdog) + " 秒的两倍。"};
  out.advice = {"At least " + number(2 * *watchdog) + " s, with stonith-timeout 1.2 times that.",
                "至少 " + number(2 * *watchdog) + " 秒，stonith-timeout 为其 1.2 倍。"};
  return true;
}

bool watchdog_short(const Facts& facts, Finding& out) {
  constexpr double kShort = 10;
  const auto watchdog = seconds(facts, "sbd.disk.watchdog");
  if (!watchdog || *watchdog >= kShort) return false;
  prove(facts, {"sbd.disk.watchdog"}, out);
  out.says = {"sbd resets the node when its disk does not answer for " + number(*watchdog) +
                  " s; a path of a storage network takes longer to fail over.",
              "磁盘 " + number(*watchdog) + " 秒无应答 sbd 即复位节点；存储网络的路径切换往往更久。"};
  out.advice = {"15 s or more on multipath or iSCSI, msgwait twice that.", "多路径或 iSCSI 上设为 15 秒以上，msgwait 为其两倍。"};
  return true;
}

bool token_short(const Facts& facts, Finding& out) {
  constexpr double kRecommended = 5;
  const auto token = facts.samples.value("fencewatch_corosync_token_timeout_seconds");
  if (!token || *token >= kRecommended || facts.configured("corosync.totem.version") == nullptr) return false;
  prove(facts, "fencewatch_corosync_token_timeout_seconds", out);
  prove(facts, {"corosync.totem.token"}, out);
  out.says = {"The token timeout is " + number(*token, "%g") + " s; 5 s on premises and 20 to 30 s in clouds are recommended.",
              "令牌超时为 " + number(*token, "%g") + " 秒；建议本地机房 5 秒，云上 20 至 30 秒。"};
  out.advice = {"totem.token in corosync.conf. It gives a busy node time; what keeps a node busy for seconds it does not mend.",
                "在 corosync.conf 中设置 totem.token。它只给繁忙节点更多时间，并不能解决其繁忙的原因。"};
  return true;
}

bool consensus_short(const Facts& facts, Finding& out) {
  const auto token = seconds(facts, "corosync.totem.token"), consensus = seconds(facts, "corosync.totem.consensus");
  if (!token || !consensus || *consensus >= 1.2 * *token) return false;
  prove(facts, {"corosync.totem.token", "corosync.totem.consensus"}, out);
  out.says = {"consensus is " + number(*consensus) + " ms, less than 1.2 × token (" + number(1.2 * *token) + " ms).",
              "consensus 为 " + number(*consensus) + " 毫秒，小于 1.2 × token（" + number(1.2 * *token) + " 毫秒）。"};
  return true;
}

// How often a token of that many seconds would have been lost: waits that were seen to be as long. Nothing when no bucket tells.
std::optional<double> losses(const Facts& facts, double token) {
  double total = -1, within = -1, bound = 0;
  for (const Sample* bucket : facts.samples.of("fencewatch_corosync_token_gap_seconds_bucket")) {
    double le = 0;
    if (bucket->label("le") == "+Inf") {
      total = bucket->value;
    } else if (scan::number(bucket->label("le"), le) && le <= token && le >= bound) {
      bound = le;
      within = bucket->value;
    }
  }
  if (total <= 0 || within < 0) return std::nullopt;
  return total - within;
}

// From a live node, or an exposition of one that was saved.
bool token_advisor(const Facts& facts, Finding& out) {
  const auto token = facts.samples.value("fencewatch_corosync_token_timeout_seconds");
  const auto seen = facts.samples.value("fencewatch_corosync_token_gap_seconds_count");
  if (!token || !seen || *seen <= 0) return false;
  out.says = {"Waits for the token that were seen: " + number(*seen) + ".", "已观察到的令牌等待次数：" + number(*seen) + "。"};
  for (const double other : {*token, 5.0, 10.0, 20.0, 30.0}) {
    const auto lost = losses(facts, other);
    if (!lost || (other != *token && other <= *token)) continue;
    const std::string seconds = number(other, "%g"), recovery = number(2.2 * other, "%g"), times = number(*lost);
    out.says.en.append(" With a token of ").append(seconds).append(" s it would have been lost at most ").append(times);
    out.says.en.append(" times, and a node that is gone is noticed after ").append(recovery);
    out.says.en.append(" s (token and consensus), before the watchdog or the fencing.");
    out.says.zh.append("令牌超时为 ")
        .append(seconds)
        .append(" 秒时最多会丢失 ")
        .append(times)
        .append(" 次，节点失联将在 ")
        .append(recovery);
    out.says.zh.append(" 秒后（token 加 consensus）被发现，随后才是看门狗或隔离。");
  }
  prove(facts, "fencewatch_corosync_token_gap_seconds_count", out);
  const auto lost = losses(facts, *token / 2);
  if (lost && *lost > 0)
    out.advice = {"Waits of more than half of the timeout were seen: " + number(*lost) +
                      ". A larger token hides the late node and mends nothing; find what holds it up.",
                  "曾出现超过超时一半的等待：" + number(*lost) + " 次。增大令牌超时只会掩盖迟缓的节点，请查明原因。"};
  return true;
}

bool corosync_unprotected(const Facts& facts, Finding& out) {
  for (const Sample* sample : facts.samples.of("fencewatch_corosync_impaired"))
    if (sample->value == 1 && sample->label("reason").starts_with("not_")) out.evidence.push_back(evidence_of(facts, *sample));
  if (out.evidence.empty()) return false;
  out.says = {"corosync is not real-time or its memory is not locked: it waits with everything else when the machine is short.",
              "corosync 不是实时进程或内存未锁定：机器资源紧张时它会一同等待。"};
  out.advice = {"system.sched_rr and the limits of its unit; see corosync.conf(5).",
                "参见 corosync.conf(5) 的 system.sched_rr 与其 unit 的限制。"};
  return true;
}

constexpr FindingRule kRules[] = {
    {"zone_miscounted", Severity::critical, 1, zone_miscounted},
    {"zones_counted_right", Severity::info, 0, zones_counted_right},
    {"watermarks_collapsed", Severity::critical, 1, watermarks_collapsed},
    {"kernel_affected", Severity::warning, 1, kernel_affected},
    {"balloon", Severity::info, 0, balloon_at_work},
    {"token_late", Severity::warning, 2, token_late},
    {"sbd_warned", Severity::warning, 2, sbd_warned},
    {"fencing_failed", Severity::warning, 0, fencing_failed},
    {"sbd_watchdog_before_qdevice", Severity::advice, 0, watchdog_before_qdevice},
    {"sbd_msgwait_short", Severity::advice, 0, msgwait_too_short},
    {"sbd_watchdog_short", Severity::advice, 0, watchdog_short},
    {"token_short", Severity::advice, 0, token_short},
    {"token_advisor", Severity::info, 0, token_advisor},
    {"consensus_short", Severity::advice, 0, consensus_short},
    {"corosync_unprotected", Severity::advice, 0, corosync_unprotected},
};

std::string label(const Facts& facts, std::string_view metric, std::string_view which) {
  const auto found = facts.samples.of(metric);
  return found.empty() ? std::string() : std::string(found.front()->label(which));
}

std::vector<ZoneMarks> zones_of(const Facts& facts) {
  std::vector<ZoneMarks> zones;
  const auto value = [&](std::string_view metric, const Sample& of, std::string_view watermark = {}) {
    for (const Sample* sample : facts.samples.of(metric))
      if (sample->label("numa_node") == of.label("numa_node") && sample->label("zone") == of.label("zone") &&
          sample->label("watermark") == watermark)
        return sample->value;
    return -1.0;
  };
  for (const Sample* managed : facts.samples.of("fencewatch_zone_managed_pages")) {
    if (managed->value <= 0) continue;
    ZoneMarks zone{.numa_node = std::string(managed->label("numa_node")), .name = std::string(managed->label("zone"))};
    zone.managed = managed->value;
    zone.present = value("fencewatch_zone_present_pages", *managed);
    zone.free = value("fencewatch_zone_free_pages", *managed);
    zone.min = value("fencewatch_zone_watermark_pages", *managed, "min");
    zone.low = value("fencewatch_zone_watermark_pages", *managed, "low");
    zone.high = value("fencewatch_zone_watermark_pages", *managed, "high");
    zone.expected_min = value("fencewatch_zone_expected_watermark_pages", *managed, "min");
    zones.push_back(std::move(zone));
  }
  return zones;
}

ChainLink books_link(const Facts& facts) {
  ChainLink link{.id = "books", .title = {"The kernel's books", "内核账目"}, .says = {"no /proc/zoneinfo", "没有 /proc/zoneinfo"}};
  if (const auto phantom = facts.samples.value("fencewatch_zones_phantom_pages")) {
    const auto ratio = facts.samples.value("fencewatch_zones_watermark_honoured_ratio_min");
    const std::string percent = ratio ? number(*ratio * 100) + " %" : "?";
    link.state = *phantom > 0                                                                                ? LinkState::bad
                 : ratio && *ratio < 0.5 && facts.samples.value("fencewatch_zones_watermarks_outdated") != 1 ? LinkState::warning
                                                                                                             : LinkState::good;
    link.says = {number(*phantom) + " phantom pages; the worst watermark is " + percent + " of its due",
                 "虚增页 " + number(*phantom) + "；最差水位线为应有值的 " + percent};
  }
  return link;
}

ChainLink memory_link(const Facts& facts) {
  ChainLink link{.id = "memory", .title = {"Free memory", "空闲内存"}, .says = {"not known", "未知"}};
  double free = 0, min = 0;
  for (const ZoneMarks& zone : zones_of(facts)) {
    if (zone.name == "DMA" || zone.present <= 0) continue;
    free += zone.free;
    min += std::max(zone.min, zone.expected_min);
  }
  if (min <= 0) return link;
  link.state = free < min ? LinkState::bad : free < 1.5 * min ? LinkState::warning : LinkState::good;
  const double page = facts.samples.value("fencewatch_page_size_bytes").value_or(0);
  const auto size = [&](double pages) { return page > 0 ? number(pages * page / (1 << 20)) + " MiB" : number(pages) + " pages"; };
  link.says = {size(free) + " free; below " + size(min) + " everything waits",
               "空闲 " + size(free) + "；低于 " + size(min) + " 时一切都会等待"};
  return link;
}

ChainLink token_link(const Facts& facts) {
  ChainLink link{.id = "token",
                 .title = {"corosync's token", "corosync 令牌"},
                 .says = {"corosync is not here or cannot be asked", "没有 corosync 或无法询问"}};
  const auto waits = facts.samples.value("fencewatch_corosync_seconds_since_token"),
             timeout = facts.samples.value("fencewatch_corosync_token_timeout_seconds");
  if (!waits || !timeout || *timeout <= 0) return link;
  const bool impaired = !facts.samples.of("fencewatch_corosync_impaired").empty();
  link.state = *waits > *timeout ? LinkState::bad : *waits > *timeout / 2 || impaired ? LinkState::warning : LinkState::good;
  link.says = {number(*waits, "%.3f") + " s since the last token; lost after " + number(*timeout, "%g") + " s",
               "距上次令牌 " + number(*waits, "%.3f") + " 秒；超过 " + number(*timeout, "%g") + " 秒即丢失"};
  return link;
}

ChainLink fence_link(const Facts& facts) {
  ChainLink link{.id = "fence", .title = {"The last boot's end", "上次启动的结束"}, .says = {"not known", "未知"}};
  const auto clean = facts.samples.value("fencewatch_previous_boot_clean");
  if (!clean) return link;
  link.state = *clean == 1 ? LinkState::good : LinkState::warning;
  link.says = *clean == 1 ? Text{"ended with a shutdown", "正常关机"} : Text{"just ended, as by a fence", "未经关机即结束，如被隔离"};
  if (const auto end = facts.samples.value("fencewatch_previous_boot_last_record_timestamp_seconds")) {
    const std::string time = iso_time(facts.zone, static_cast<int64_t>(*end * 1e6));
    link.says.en += "; it was alive until " + time + " at least";
    link.says.zh += "；至少存活到 " + time;
  }
  return link;
}

void identify(const Facts& facts, NodeReport& out) {
  out.zones = zones_of(facts);
  out.chain = {books_link(facts), memory_link(facts), token_link(facts), fence_link(facts)};
  if (const auto end = facts.samples.value("fencewatch_previous_boot_last_record_timestamp_seconds"))
    out.last_record = iso_time(facts.zone, static_cast<int64_t>(*end * 1e6));
  for (const Sample* sample : facts.samples.of("fencewatch_previous_boot_last_minutes"))
    out.last_minutes.push_back({std::string(sample->label("quantity")), std::string(sample->label("stat")), sample->value});
  out.release = release_of(facts);
  out.vendor = label(facts, "fencewatch_machine_info", "vendor");
  out.product = label(facts, "fencewatch_machine_info", "product");
  out.advisories = advisories_of(facts);
}

}  // namespace

const Rules& all_rules() {
  static constexpr Rules rules = {kRules, identify};
  return rules;
}

}  // namespace fencewatch
