// The report for a terminal or a mail: 100 columns.
#pragma once

#include <string>

#include "exporter/report/report.h"

namespace fencewatch {

enum class Language : uint8_t { en, zh };

struct TextStyle {
  Language language = Language::en;
  bool colour = false;  // of a terminal
};

// What comes from logs cannot speak to the terminal: control characters are shown as "\x1b".
std::string to_text(const Report& report, TextStyle style);

}  // namespace fencewatch
