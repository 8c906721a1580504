// ScenarioValue: a value that a scenario gave, out of Lua.
#pragma once

#include <map>
#include <string>
#include <vector>

struct lua_State;

namespace spindle {

struct ScenarioValue {
  enum class Kind : std::uint8_t { kNone, kBoolean, kNumber, kText, kTable } kind = Kind::kNone;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<ScenarioValue> list;             ///< 1, 2 ... of a table
  std::map<std::string, ScenarioValue> named;  ///< the other keys of a table
};

/// `machine {...}`, `process {...}` and the like, in order.
struct ScenarioCall {
  std::string function;
  std::string where;  ///< "file.lua:3: "
  ScenarioValue value;
};

/// Executes the script. False, and the message, if it fails.
bool execute_scenario(const std::string& source, const std::string& name,
                      std::vector<ScenarioCall>& calls, std::string& message);

}  // namespace spindle
