// Our own log on stderr, through spdlog: asynchronous, bounded, never blocks, counts what it drops. logfmt or JSON, one line a record.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace fencewatch::log {

using Field = std::pair<std::string_view, std::string_view>;
using Fields = std::initializer_list<Field>;

// level: debug, info, warn, error; format: logfmt, json. Before start() records are written at once.
void start(std::string_view level, std::string_view format);
void stop();  // writes what is queued, bounded in time

void debug(std::string_view message, Fields fields = {}) noexcept;
void info(std::string_view message, Fields fields = {}) noexcept;
void warn(std::string_view message, Fields fields = {}) noexcept;
void error(std::string_view message, Fields fields = {}) noexcept;

uint64_t dropped();

}  // namespace fencewatch::log
