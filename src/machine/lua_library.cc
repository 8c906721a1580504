// What of Lua's libraries a script may use: without the outside, without surprises, without ways to
// use time that nobody counts.

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "lua_interpreter.h"
#include "lua_pattern.h"

namespace spindle {
namespace {

constexpr double kMostSteps = 3e7;
/// Work of the libraries is charged in bytes: as many as could be made in the same time.
/// For each element that a table function goes through.
constexpr std::size_t kBytesOfElement = 32;
constexpr std::size_t kBytesOfLookedAt = 128;
constexpr std::size_t kBytesOfSorted = 2048;
constexpr std::size_t kBytesOfJoined = 256;  ///< it may be a number
/// For each byte of a text that is read as a number, or made into another text.
constexpr std::size_t kBytesOfDigit = 16;
constexpr std::size_t kBytesOfCharacter = 4;
/// For writing a number as text, or a float of any size in full (%f); for each piece of a text.
constexpr std::size_t kBytesOfNumber = 512;
constexpr std::size_t kBytesOfFloatInFull = 4096;
constexpr std::size_t kBytesOfPiece = 16;

constexpr char kFind[] = "find", kMatch[] = "match", kGmatch[] = "gmatch", kGsub[] = "gsub",
               kInsert[] = "insert", kRemove[] = "remove", kConcat[] = "concat",
               kUnpack[] = "unpack", kSort[] = "sort";

/// Calls the library's own function of that name with all arguments.
int call_original(lua_State* state, const char* name) {
  lua_getfield(state, LUA_REGISTRYINDEX, kLuaOriginals);
  lua_getfield(state, -1, name);
  lua_insert(state, 1);
  lua_pop(state, 1);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  return lua_gettop(state);
}

void check_pattern(lua_State* state, bool is_plain) {
  std::size_t length = 0;
  std::size_t size = 0;
  const char* text = luaL_checklstring(state, 1, &length);
  const char* pattern = luaL_checklstring(state, 2, &size);
  // Without a pattern the text is compared at each place, many characters at once.
  constexpr std::size_t kComparedAtOnce = 16;
  const double steps = is_plain ? static_cast<double>(length * (1 + size / kComparedAtOnce))
                                : most_pattern_steps({pattern, size}, {text, length}, kMostSteps);
  if (steps > kMostSteps)
    luaL_error(state, "the pattern could take too long on a text of this length");
  LuaInterpreter::of(state).charge(state, static_cast<std::size_t>(steps));
}

template <const char* name>
int guarded_match(lua_State* state) {
  const bool is_find = std::string_view(name) == kFind;
  check_pattern(state, is_find && lua_toboolean(state, 4) != 0);
  return call_original(state, name);
}

/// How many elements the table function goes through.
std::size_t elements_moved(lua_State* state, std::string_view name) {
  const auto length = static_cast<lua_Integer>(lua_rawlen(state, 1));
  const bool shifts = name == kInsert || name == kRemove;
  if (!shifts) return static_cast<std::size_t>(length);
  const bool at_the_end = lua_gettop(state) < (name == kInsert ? 3 : 2);
  const lua_Integer place = at_the_end ? length : lua_tointeger(state, 2);
  return place > 0 && place < length ? static_cast<std::size_t>(length - place) : 0;
}

/// Tables whose length or content is made up could go on for ever.
template <const char* name>
int guarded_table(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  if (lua_getmetatable(state, 1) != 0)
    luaL_error(state, "table.%s takes tables without a metatable", name);
  std::size_t bytes = kBytesOfElement;
  if (std::string_view(name) == kSort) bytes = kBytesOfSorted;
  if (std::string_view(name) == kConcat) bytes = kBytesOfJoined;
  LuaInterpreter::of(state).charge(state, elements_moved(state, name) * bytes);
  return call_original(state, name);
}

/// The range may be far longer than the table.
int move(lua_State* state) {
  constexpr lua_Unsigned kMost = 1'000'000;
  luaL_checktype(state, 1, LUA_TTABLE);
  const lua_Integer first = luaL_checkinteger(state, 2);
  const lua_Integer last = luaL_checkinteger(state, 3);
  for (const int table : {1, 5})
    if (lua_istable(state, table) && lua_getmetatable(state, table) != 0)
      luaL_error(state, "table.move takes tables without a metatable");
  if (last >= first) {
    const lua_Unsigned count = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);
    if (count >= kMost) luaL_error(state, "too many elements to move");
    LuaInterpreter::of(state).charge(state, (count + 1) * kBytesOfElement);
  }
  return call_original(state, "move");
}

int repeat(lua_State* state) {
  std::size_t length = 0;
  std::size_t separator = 0;
  luaL_checklstring(state, 1, &length);
  luaL_optlstring(state, 3, "", &separator);
  if (length + separator == 0) {
    lua_pushliteral(state, "");
    return 1;
  }
  // What would be too long is refused at once.
  constexpr lua_Integer kMost = 1 << 20;
  const lua_Integer pieces = std::clamp<lua_Integer>(luaL_checkinteger(state, 2), 0, kMost);
  LuaInterpreter::of(state).charge(state, static_cast<std::size_t>(pieces) * kBytesOfPiece);
  return call_original(state, "rep");
}

/// As a text without addresses, which would differ from run to run.
int to_string(lua_State* state) {
  luaL_checkany(state, 1);
  if (lua_type(state, 1) == LUA_TNUMBER) LuaInterpreter::of(state).charge(state, kBytesOfNumber);
  if (luaL_getmetafield(state, 1, "__tostring") != LUA_TNIL) {
    lua_pop(state, 1);
    luaL_tolstring(state, 1, nullptr);
  } else if (lua_istable(state, 1) || lua_isfunction(state, 1) || lua_isuserdata(state, 1)) {
    lua_pushstring(state, luaL_typename(state, 1));
  } else {
    luaL_tolstring(state, 1, nullptr);
  }
  return 1;
}

int format(lua_State* state) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(state, 1, &size);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i + 1 < size; ++i) {
    if (text[i] != '%') continue;
    if (text[i + 1] == '%') {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < size && std::strchr("-+ #0123456789.", text[end]) != nullptr) ++end;
    if (end < size && text[end] == 'p') return luaL_error(state, "there are no addresses");
    bytes += end < size && text[end] == 'f' ? kBytesOfFloatInFull : kBytesOfNumber;
  }
  LuaInterpreter::of(state).charge(state, bytes);
  const int count = lua_gettop(state);
  for (int i = 2; i <= count; ++i) {
    if (!lua_istable(state, i) && !lua_isfunction(state, i)) continue;
    lua_pushcfunction(state, to_string);
    lua_pushvalue(state, i);
    lua_call(state, 1, 1);
    lua_replace(state, i);
  }
  return call_original(state, "format");
}

// Tables are walked in order of their keys, since the order of Lua's own walk changes from run to
// run.

int rank_of(lua_State* state, int index) {
  switch (lua_type(state, index)) {
    case LUA_TNUMBER:
      return 0;
    case LUA_TSTRING:
      return 1;
    case LUA_TBOOLEAN:
      return 2;
    default:
      return 3;
  }
}

bool is_less(lua_State* state, int one, int other) {
  const int rank = rank_of(state, one);
  if (const int than = rank_of(state, other); rank != than) return rank < than;
  if (rank < 2) return lua_compare(state, one, other, LUA_OPLT) != 0;
  return rank == 2 && lua_toboolean(state, one) == 0 && lua_toboolean(state, other) != 0;
}

int key_is_less(lua_State* state) {
  lua_pushboolean(state, is_less(state, 1, 2) ? 1 : 0);
  return 1;
}

/// Leaves the list of the first argument's keys, in order.
void push_keys(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_newtable(state);
  const int keys = lua_gettop(state);
  lua_Integer count = 0;
  for (lua_pushnil(state); lua_next(state, 1) != 0; lua_pop(state, 1)) {
    lua_pushvalue(state, -2);
    lua_rawseti(state, keys, ++count);
  }
  LuaInterpreter::of(state).charge(state, static_cast<std::size_t>(count) * kBytesOfSorted);
  lua_getfield(state, LUA_REGISTRYINDEX, kLuaOriginals);
  lua_getfield(state, -1, kSort);
  lua_remove(state, -2);
  lua_pushvalue(state, keys);
  lua_pushcfunction(state, key_is_less);
  lua_call(state, 2, 0);
}

/// Upvalues: the table, its keys, how many of them were given.
int next_pair(lua_State* state) {
  lua_Integer place = lua_tointeger(state, lua_upvalueindex(3));
  for (;;) {
    lua_rawgeti(state, lua_upvalueindex(2), ++place);
    if (lua_isnil(state, -1)) return 1;
    lua_pushvalue(state, -1);
    lua_rawget(state, lua_upvalueindex(1));
    if (!lua_isnil(state, -1)) break;
    lua_pop(state, 2);
  }
  lua_pushinteger(state, place);
  lua_replace(state, lua_upvalueindex(3));
  return 2;
}

int pairs(lua_State* state) {
  lua_settop(state, 1);
  push_keys(state);
  lua_pushinteger(state, 0);
  lua_pushcclosure(state, next_pair, 3);
  return 1;
}

int first_pair(lua_State* state) {
  if (!lua_isnoneornil(state, 2)) return luaL_error(state, "walk a table with pairs");
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_settop(state, 1);
  lua_pushnil(state);
  const int first = lua_gettop(state);
  std::size_t count = 0;
  for (lua_pushnil(state); lua_next(state, 1) != 0; lua_pop(state, 1), ++count) {
    if (count != 0 && !is_less(state, -2, first)) continue;
    lua_pushvalue(state, -2);
    lua_replace(state, first);
  }
  LuaInterpreter::of(state).charge(state, count * kBytesOfLookedAt);
  if (count == 0) return 1;
  lua_pushvalue(state, first);
  lua_rawget(state, 1);
  return 2;
}

/// No finalizer: it would run where nothing counts its instructions.
int set_metatable(lua_State* state) {
  if (lua_istable(state, 2)) {
    lua_pushliteral(state, "__gc");
    if (lua_rawget(state, 2) != LUA_TNIL) return luaL_error(state, "there are no finalizers");
    lua_pop(state, 1);
  }
  return call_original(state, "setmetatable");
}

/// As math.random, of the machine's numbers.
int random(lua_State* state) {
  Random& numbers = *LuaInterpreter::of(state).options.random;
  if (lua_gettop(state) == 0) {
    lua_pushnumber(state, numbers.unit());
    return 1;
  }
  const bool is_pair = lua_gettop(state) >= 2;
  const lua_Integer low = is_pair ? luaL_checkinteger(state, 1) : 1;
  const lua_Integer high = luaL_checkinteger(state, is_pair ? 2 : 1);
  luaL_argcheck(state, low <= high, is_pair ? 2 : 1, "the interval is empty");
  const auto span = static_cast<lua_Unsigned>(high) - static_cast<lua_Unsigned>(low) + 1;
  const lua_Unsigned drawn = span == 0 ? numbers() : numbers.below(span);
  lua_pushinteger(state, static_cast<lua_Integer>(static_cast<lua_Unsigned>(low) + drawn));
  return 1;
}

/// A text stands for a number wherever one is wanted, and is read digit by digit then, in one
/// instruction. Upvalue: the function that wants one.
template <std::size_t kBytesOfEach>
int charge_for_texts(lua_State* state) {
  std::size_t bytes = 0;
  for (int i = lua_gettop(state); i > 0; --i)
    if (lua_type(state, i) == LUA_TSTRING) bytes += lua_rawlen(state, i);
  LuaInterpreter::of(state).charge(state, bytes * kBytesOfEach);
  return lua_tocfunction(state, lua_upvalueindex(1))(state);
}

/// All functions in the table at the top of the stack pay for the texts that they are given.
void make_texts_count(lua_State* state, lua_CFunction charge) {
  const int table = lua_gettop(state);
  std::vector<std::string> names;
  for (lua_pushnil(state); lua_next(state, table) != 0; lua_pop(state, 1))
    if (lua_type(state, -2) == LUA_TSTRING && lua_iscfunction(state, -1) != 0)
      names.emplace_back(lua_tostring(state, -2));
  for (const std::string& name : names) {
    lua_getfield(state, table, name.c_str());
    lua_pushcclosure(state, charge, 1);
    lua_setfield(state, table, name.c_str());
  }
}

struct Guard {
  const char* library;  ///< null: the globals
  const char* name;
  lua_CFunction function;  ///< null: taken away
};
constexpr Guard kGuards[] = {
    {"string", kFind, guarded_match<kFind>},
    {"string", kMatch, guarded_match<kMatch>},
    {"string", kGmatch, guarded_match<kGmatch>},
    {"string", kGsub, guarded_match<kGsub>},
    {"string", "rep", repeat},
    {"string", "format", format},
    {"string", "dump", nullptr},
    {"table", kInsert, guarded_table<kInsert>},
    {"table", kRemove, guarded_table<kRemove>},
    {"table", kConcat, guarded_table<kConcat>},
    {"table", kUnpack, guarded_table<kUnpack>},
    {"table", kSort, guarded_table<kSort>},
    {"table", "move", move},
    {"math", "random", random},
    {"math", "randomseed", nullptr},
    {nullptr, "tostring", to_string},
    {nullptr, "pairs", pairs},
    {nullptr, "next", first_pair},
    {nullptr, "setmetatable", set_metatable},
    {nullptr, "load", nullptr},
    {nullptr, "loadfile", nullptr},
    {nullptr, "dofile", nullptr},
    {nullptr, "collectgarbage", nullptr},
    {nullptr, "warn", nullptr},
};

void apply(lua_State* state, const Guard& guard) {
  if (guard.library != nullptr)
    lua_getglobal(state, guard.library);
  else
    lua_pushglobaltable(state);
  lua_getfield(state, LUA_REGISTRYINDEX, kLuaOriginals);
  lua_getfield(state, -2, guard.name);
  lua_setfield(state, -2, guard.name);
  lua_pop(state, 1);
  if (guard.function != nullptr)
    lua_pushcfunction(state, guard.function);
  else
    lua_pushnil(state);
  lua_setfield(state, -2, guard.name);
  lua_pop(state, 1);
}

}  // namespace

void open_lua_libraries(lua_State* state) {
  constexpr luaL_Reg kLibraries[] = {{LUA_GNAME, luaopen_base},
                                     {LUA_STRLIBNAME, luaopen_string},
                                     {LUA_TABLIBNAME, luaopen_table},
                                     {LUA_MATHLIBNAME, luaopen_math},
                                     {LUA_UTF8LIBNAME, luaopen_utf8}};
  for (const luaL_Reg& library : kLibraries) {
    luaL_requiref(state, library.name, library.func, 1);
    lua_pop(state, 1);
  }
  // Through it the libraries could be had as they were.
  lua_pushnil(state);
  lua_setfield(state, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_newtable(state);
  lua_setfield(state, LUA_REGISTRYINDEX, kLuaOriginals);
  lua_newtable(state);
  lua_setfield(state, LUA_REGISTRYINDEX, kLuaHandlers);
  for (const Guard& guard : kGuards) apply(state, guard);
  const lua_CFunction charge_for_numbers = charge_for_texts<kBytesOfDigit>;
  for (const char* library : {LUA_STRLIBNAME, LUA_MATHLIBNAME, LUA_UTF8LIBNAME}) {
    const bool is_of_numbers = std::string_view(library) == LUA_MATHLIBNAME;
    lua_getglobal(state, library);
    make_texts_count(state,
                     is_of_numbers ? charge_for_numbers : charge_for_texts<kBytesOfCharacter>);
    lua_pop(state, 1);
  }
  // Arithmetic with texts is what their metatable does.
  lua_pushliteral(state, "");
  lua_getmetatable(state, -1);
  make_texts_count(state, charge_for_numbers);
  lua_pop(state, 2);
  lua_getglobal(state, "tonumber");
  lua_pushcclosure(state, charge_for_numbers, 1);
  lua_setglobal(state, "tonumber");
}

}  // namespace spindle
