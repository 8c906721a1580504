// Messages for the person who runs the daemon: one line each, to standard error or to the system
// log.
//
// A foreground process writes to standard error; `log_to_syslog` sends what comes after to
// syslog(3) under the name "spindle", as a daemon must. Text is made by the caller: this header
// pulls in no formatting library.
#pragma once

#include <string_view>

namespace spindle {

enum class LogLevel { kWarning, kError };

void log(LogLevel level, std::string_view message);
void log_to_syslog();

}  // namespace spindle
