#include "exporter/yaml.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

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

}  // namespace fencewatch
