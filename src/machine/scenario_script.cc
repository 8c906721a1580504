// The execution of a scenario's script: what it calls is put down as plain values.

#include "lua_interpreter.h"
#include "scenario_value.h"

namespace spindle {
namespace {

constexpr int kDeepest = 16;
constexpr std::size_t kMostCalls = 100'000;
constexpr const char* kCallsKey = "spindle.scenario";
constexpr const char* kFunctions[] = {"machine", "process", "file", "run"};

ScenarioValue value_at(lua_State* state, int index, int depth);

void add_members(lua_State* state, int table, int depth, ScenarioValue& value) {
  for (lua_pushnil(state); lua_next(state, table) != 0; lua_pop(state, 1)) {
    ScenarioValue member = value_at(state, lua_gettop(state), depth + 1);
    if (lua_isinteger(state, -2) != 0) {
      const lua_Integer place = lua_tointeger(state, -2);
      if (place < 1 || place > 1'000'000) continue;
      if (value.list.size() < static_cast<std::size_t>(place))
        value.list.resize(static_cast<std::size_t>(place));
      value.list[static_cast<std::size_t>(place) - 1] = std::move(member);
    } else if (lua_type(state, -2) == LUA_TSTRING) {
      value.named.emplace(lua_tostring(state, -2), std::move(member));
    }
  }
}

ScenarioValue value_at(lua_State* state, int index, int depth) {
  using Kind = ScenarioValue::Kind;
  ScenarioValue value;
  switch (lua_type(state, index)) {
    case LUA_TBOOLEAN:
      value.kind = Kind::kBoolean;
      value.boolean = lua_toboolean(state, index) != 0;
      break;
    case LUA_TNUMBER:
      value.kind = Kind::kNumber;
      value.number = lua_tonumber(state, index);
      break;
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* text = lua_tolstring(state, index, &size);
      value.kind = Kind::kText;
      value.text.assign(text, size);
      break;
    }
    case LUA_TTABLE:
      value.kind = Kind::kTable;
      if (depth < kDeepest && lua_checkstack(state, 8) != 0)
        add_members(state, index, depth, value);
      break;
    default:
      break;
  }
  return value;
}

template <int which>
int note_call(lua_State* state) {
  lua_getfield(state, LUA_REGISTRYINDEX, kCallsKey);
  auto& calls = *static_cast<std::vector<ScenarioCall>*>(lua_touserdata(state, -1));
  lua_pop(state, 1);
  luaL_checktype(state, 1, LUA_TTABLE);
  if (calls.size() >= kMostCalls) return luaL_error(state, "the scenario is too long");
  luaL_where(state, 1);
  calls.push_back({kFunctions[which], lua_tostring(state, -1), {}});
  calls.back().value = value_at(state, 1, 0);
  return 0;
}

void open_functions(lua_State* state, std::vector<ScenarioCall>& calls) {
  lua_pushlightuserdata(state, &calls);
  lua_setfield(state, LUA_REGISTRYINDEX, kCallsKey);
  constexpr lua_CFunction kNotes[] = {note_call<0>, note_call<1>, note_call<2>, note_call<3>};
  for (std::size_t i = 0; i < std::size(kNotes); ++i) {
    lua_pushcfunction(state, kNotes[i]);
    lua_setglobal(state, kFunctions[i]);
  }
}

}  // namespace

bool execute_scenario(const std::string& source, const std::string& name,
                      std::vector<ScenarioCall>& calls, std::string& message) {
  Random random(1);
  LuaProgram::Options options;
  options.memory = std::make_shared<LuaMemory>(std::size_t{64} << 20);
  options.most_bytes = std::size_t{64} << 20;
  options.name = name;
  options.random = &random;
  const auto interpreter = LuaInterpreter::make(options);
  message = "not enough memory";
  if (interpreter == nullptr) return false;
  Request ignored;
  interpreter->request = &ignored;
  lua_State* state = interpreter->state;
  auto open = [&](lua_State* inside) { open_functions(inside, calls); };
  if (!LuaInterpreter::protect(state, open)) return false;
  const std::string chunk = "@" + name;
  const bool succeeded =
      luaL_loadbufferx(state, source.data(), source.size(), chunk.c_str(), "t") == LUA_OK &&
      lua_pcall(state, 0, 0, 0) == LUA_OK;
  if (!succeeded)
    if (const char* what = lua_tostring(state, -1)) message = what;
  return succeeded;
}

}  // namespace spindle
