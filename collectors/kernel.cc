// The kernel, what is known of its release, and the machine: proc/sys/kernel/osrelease, proc/version, sys/class/dmi/id or, without DMI,
// sys/firmware/devicetree/base/model.
#include <algorithm>
#include <string>
#include <vector>

#include "collectors/host/advisories.h"
#include "exporter/base/scan.h"
#include "exporter/base/settings.h"
#include "exporter/collect/collector.h"

namespace fencewatch {
namespace {

constexpr std::string_view kReleasePath = "proc/sys/kernel/osrelease";
constexpr std::string_view kVersionPath = "proc/version";
constexpr std::string_view kVendorPath = "sys/class/dmi/id/sys_vendor";
constexpr std::string_view kProductPath = "sys/class/dmi/id/product_name";
constexpr std::string_view kModelPath = "sys/firmware/devicetree/base/model";

enum { kKernel, kMachine, kAdvisory };
constexpr Family kFamilies[] = {
    {"fencewatch_kernel_info", Type::gauge, "The running kernel, from /proc/sys/kernel/osrelease and /proc/version.", "release,version"},
    {"fencewatch_machine_info", Type::gauge,
     "The machine's maker and model, from /sys/class/dmi/id or /sys/firmware/devicetree/base/model.", "vendor,product"},
    {"fencewatch_kernel_advisory", Type::gauge,
     "What a known fault's list says of the release in /proc/sys/kernel/osrelease: 1 for the status that holds. unknown is a release that "
     "no "
     "list can judge, such as one with a vendor's own tag: the zones' books decide then, and in the end always, fencewatch_zone_miscount "
     "and "
     "fencewatch_zone_watermark_honoured_ratio.",
     "advisory,status"},
};

// Without the newline, or the NUL of a device tree, and blanks around.
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0' || scan::blank(text.back()))) text.remove_suffix(1);
  return scan::trim_left(text);
}

// "Linux version RELEASE (BUILDER) (COMPILER) VERSION", init/version.c linux_proc_banner.
struct Banner {
  std::string_view release, version;
};
Banner parse_banner(std::string_view text) {
  Banner banner;
  std::string_view line = trimmed(text);
  if (scan::next_word(line) != "Linux" || scan::next_word(line) != "version") return {};
  banner.release = scan::next_word(line);
  if (const size_t at = line.find(") #"); at != line.npos) banner.version = line.substr(at + 2);
  return banner;
}

class Kernel final : public Collector {
 public:
  explicit Kernel(Advisories advisories) : advisories_(std::move(advisories)), verdicts_(advisories_.size()) {}

  Status collect(const Node& node, Page& page) override {
    if (const Status status = write_kernel(node, page); !status) return status;
    return write_machine(node, page);
  }

 private:
  // No file, no text; a file that was cut off is a fault.
  static Status read(const Node& node, std::string_view path, Bytes& out) {
    const Status status = node.read(path, out);
    if (status.code == Code::missing) return {};
    if (status && path != kModelPath && !out.view().ends_with('\n')) return malformed(1, "the file is cut off").of(path);
    return status;
  }

  Status write_kernel(const Node& node, Page& page) {
    if (const Status status = read(node, kReleasePath, release_text_); !status) return status;
    if (const Status status = read(node, kVersionPath, version_text_); !status) return status;
    const Banner banner = parse_banner(version_text_);
    std::string_view release = trimmed(release_text_);
    if (release.empty()) release = banner.release;
    if (release.empty()) return {Code::missing, 0, kReleasePath, "no release"};
    page.begin(kFamilies[kKernel]);
    page.sample({{"release", release}, {"version", banner.version}}, uint64_t{1});
    judge(release);
    page.begin(kFamilies[kAdvisory]);
    for (size_t i = 0; i < verdicts_.size(); ++i) {
      page.sample({{"advisory", advisories_.id(i)}, {"status", name(verdicts_[i])}}, uint64_t{1});
    }
    return {};
  }

  // Once a release: patterns cost memory and time.
  void judge(std::string_view release) {
    if (release == judged_) return;
    for (size_t i = 0; i < verdicts_.size(); ++i) verdicts_[i] = advisories_.judge(i, release);
    judged_ = release;
  }

  Status write_machine(const Node& node, Page& page) {
    if (!machine_known_) {
      if (const Status status = read_machine(node); !status) return status;
      machine_known_ = true;
    }
    if (vendor_.empty() && product_.empty()) return {};
    page.begin(kFamilies[kMachine]);
    page.sample({{"vendor", vendor_}, {"product", product_}}, uint64_t{1});
    return {};
  }

  // Once: no machine becomes another while we run, and a file of sysfs cannot be kept open.
  Status read_machine(const Node& node) {
    if (const Status status = read(node, kVendorPath, text_); !status) return status;
    vendor_ = trimmed(text_);
    if (const Status status = read(node, kProductPath, text_); !status) return status;
    product_ = trimmed(text_);
    if (!vendor_.empty() || !product_.empty()) return {};
    if (const Status status = read(node, kModelPath, text_); !status) return status;
    product_ = trimmed(text_);
    return {};
  }

  Advisories advisories_;
  std::vector<Verdict> verdicts_;  // of judged_, beside advisories_
  std::string judged_;
  bool machine_known_ = false;
  std::string vendor_, product_;
  Bytes release_text_, version_text_, text_;
};

constexpr std::string_view kReads[] = {kReleasePath, kVersionPath, kVendorPath, kProductPath, kModelPath};

}  // namespace

extern const Spec kernel;
constinit const Spec kernel = {
    .name = "kernel",
    .summary = "Kernel, machine, and known faults of the release (/proc/sys/kernel/osrelease, /sys/class/dmi/id)",
    .families = kFamilies,
    .reads = kReads,
    .make = [](const Settings& settings) -> std::unique_ptr<Collector> {
      return std::make_unique<Kernel>(Advisories::load(settings.kernel_advisories));
    },
};

}  // namespace fencewatch
