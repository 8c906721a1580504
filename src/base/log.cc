#include "spindle/base/log.h"

// Compiled here, so that no program has to load a library for it.
#undef SPDLOG_COMPILED_LIB
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

namespace spindle {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_logger_mt("spindle");
    made->set_pattern("spindle: %l: %v");
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  return level == LogLevel::kWarning ? spdlog::level::warn : spdlog::level::err;
}

}  // namespace

void log(LogLevel level, std::string_view message) {
  logger().log(spdlog_level(level), "{}", message);
}

void log_to_syslog() {
  auto sink = std::make_shared<spdlog::sinks::syslog_sink_mt>("spindle", LOG_PID, LOG_DAEMON, true);
  sink->set_pattern("%v");
  logger().sinks() = {std::move(sink)};
}

}  // namespace spindle
