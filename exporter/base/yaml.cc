#include "exporter/base/yaml.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <vector>

#include "exporter/base/fd.h"
#include "exporter/base/refused.h"

namespace fencewatch {
namespace {

// Remembers where the last document began.
class Places final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { begin = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark begin;
};

}  // namespace

YAML::Node load_yaml(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Places places;
  if (parser.HandleNextDocument(places) && parser.HandleNextDocument(places)) {
    throw YAML::ParserException(places.begin, "more than one document");
  }
  return YAML::Load(text);
}

void each_member(const YAML::Node& map, const std::string& prefix, const RefuseYaml& refuse, const TakeMember& take) {
  if (!map.IsMap()) refuse(map, "expected a map");
  std::vector<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) refuse(entry.first, "a key is not a word");
    const std::string name = entry.first.Scalar();
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) refuse(entry.first, "duplicate key " + in_quotes(prefix + name));
    seen.push_back(name);
    take(entry.first, name, entry.second);
  }
}

std::string read_text(const std::string& path, std::string& text) {
  constexpr size_t kMost = 1 << 20;
  text.clear();
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat is {};
  if (!file || fstat(file.get(), &is) != 0) return strerrordesc_np(errno);
  if (S_ISFIFO(is.st_mode)) return "Is a FIFO, not a file";
  char buffer[4096];
  while (true) {
    const ssize_t n = read(file.get(), buffer, sizeof buffer);
    if (n == 0) return {};
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return strerrordesc_np(errno);
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kMost) return strerrordesc_np(EFBIG);
  }
}

}  // namespace fencewatch
