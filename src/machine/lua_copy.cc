// A copy of all that a program has, for fork: values, tables, functions with what they share.

#include <string>
#include <unordered_map>
#include <vector>

#include "lua_interpreter.h"

namespace spindle {
namespace {

/// Tables and functions get a number each, by which both states keep them in a list; they are
/// filled one after the other, so that no chain of them is too long for the stack.
class Copier {
 public:
  Copier(lua_State* from, lua_State* to) : from_(from), to_(to) {}

  /// Inside `protect` of both states: the copy of what the registry of `from` has, on `to`'s stack.
  void copy(int reference);
  std::string dumped;

 private:
  /// What is still to be copied of an object.
  enum class Rest : std::uint8_t { kNothing, kTable, kFunction };
  struct Upvalue {
    int function = 0;
    int index = 0;
  };
  static constexpr int kKept = 1;  ///< where the list stands on both stacks

  bool find(const void* object);
  void keep(const void* object, Rest rest);
  void same(const char* name);
  void push_copy(int index);
  void push_function(int index);
  void fill_table(int number);
  void fill_function(int number);
  void fill_all();

  lua_State* from_;
  lua_State* to_;
  std::unordered_map<const void*, int> numbers_;
  std::unordered_map<void*, Upvalue> upvalues_;
  std::vector<Rest> rests_;
};

int append(lua_State*, const void* bytes, std::size_t size, void* text) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), size);
  return 0;
}

bool Copier::find(const void* object) {
  const auto found = numbers_.find(object);
  if (found == numbers_.end()) return false;
  lua_rawgeti(to_, kKept, found->second);
  return true;
}

// The object on top of `from`'s stack, and its copy on top of `to`'s, which both stay there.
void Copier::keep(const void* object, Rest rest) {
  rests_.push_back(rest);
  const int number = static_cast<int>(rests_.size());
  numbers_.emplace(object, number);
  lua_pushvalue(from_, -1);
  lua_rawseti(from_, kKept, number);
  lua_pushvalue(to_, -1);
  lua_rawseti(to_, kKept, number);
}

// A library's table is the same in both.
void Copier::same(const char* name) {
  lua_getglobal(from_, name);
  lua_getglobal(to_, name);
  if (lua_istable(from_, -1) && lua_istable(to_, -1)) {
    keep(lua_topointer(from_, -1), Rest::kNothing);
  }
  lua_pop(from_, 1);
  lua_pop(to_, 1);
}

void Copier::push_copy(int index) {
  luaL_checkstack(to_, 8, nullptr);
  switch (lua_type(from_, index)) {
    case LUA_TBOOLEAN:
      return lua_pushboolean(to_, lua_toboolean(from_, index));
    case LUA_TNUMBER:
      if (lua_isinteger(from_, index) != 0)
        return lua_pushinteger(to_, lua_tointeger(from_, index));
      return lua_pushnumber(to_, lua_tonumber(from_, index));
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* text = lua_tolstring(from_, index, &size);
      lua_pushlstring(to_, text, size);
      return;
    }
    case LUA_TTABLE:
      if (find(lua_topointer(from_, index))) return;
      lua_pushvalue(from_, index);
      lua_newtable(to_);
      keep(lua_topointer(from_, -1), Rest::kTable);
      lua_pop(from_, 1);
      return;
    case LUA_TFUNCTION:
      return push_function(index);
    default:
      lua_pushnil(to_);
  }
}

void Copier::push_function(int index) {
  if (lua_iscfunction(from_, index) != 0) {
    // Those of the libraries have nothing of their own, or another one that they call; an iterator
    // is not copied.
    const bool is_plain = lua_getupvalue(from_, index, 1) == nullptr;
    if (is_plain) return lua_pushcfunction(to_, lua_tocfunction(from_, index));
    const lua_CFunction called = lua_tocfunction(from_, -1);
    lua_pop(from_, 1);
    if (called == nullptr) return lua_pushnil(to_);
    lua_pushcfunction(to_, called);
    return lua_pushcclosure(to_, lua_tocfunction(from_, index), 1);
  }
  if (find(lua_topointer(from_, index))) return;
  lua_pushvalue(from_, index);
  dumped.clear();
  lua_dump(from_, append, &dumped, 0);
  if (luaL_loadbufferx(to_, dumped.data(), dumped.size(), "fork", "b") != LUA_OK) lua_error(to_);
  keep(lua_topointer(from_, -1), Rest::kFunction);
  lua_pop(from_, 1);
}

void Copier::fill_table(int number) {
  lua_rawgeti(from_, kKept, number);
  lua_rawgeti(to_, kKept, number);
  const int table = lua_gettop(from_);
  if (lua_getmetatable(from_, table) != 0) {
    push_copy(lua_gettop(from_));
    lua_setmetatable(to_, -2);
    lua_pop(from_, 1);
  }
  for (lua_pushnil(from_); lua_next(from_, table) != 0; lua_pop(from_, 1)) {
    const bool is_text = lua_type(from_, -2) == LUA_TSTRING;
    if (is_text && std::string_view(lua_tostring(from_, -2)) == "__gc") continue;
    push_copy(lua_gettop(from_) - 1);
    push_copy(lua_gettop(from_));
    if (lua_isnil(to_, -2))
      lua_pop(to_, 2);
    else
      lua_rawset(to_, -3);
  }
  lua_pop(from_, 1);
  lua_pop(to_, 1);
}

void Copier::fill_function(int number) {
  lua_rawgeti(from_, kKept, number);
  lua_rawgeti(to_, kKept, number);
  const int function = lua_gettop(from_);
  for (int i = 1; lua_getupvalue(from_, function, i) != nullptr; ++i, lua_pop(from_, 1)) {
    const auto [seen, is_new] =
        upvalues_.try_emplace(lua_upvalueid(from_, function, i), Upvalue{number, i});
    if (is_new) {
      push_copy(lua_gettop(from_));
      lua_setupvalue(to_, -2, i);
    } else {
      lua_rawgeti(to_, kKept, seen->second.function);
      lua_upvaluejoin(to_, -2, i, -1, seen->second.index);
      lua_pop(to_, 1);
    }
  }
  lua_pop(from_, 1);
  lua_pop(to_, 1);
}

void Copier::fill_all() {
  // Filling one may bring others.
  for (std::size_t i = 0; i < rests_.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    if (rests_[i] == Rest::kTable) fill_table(number);
    if (rests_[i] == Rest::kFunction) fill_function(number);
  }
}

void Copier::copy(int reference) {
  lua_settop(from_, 0);
  lua_settop(to_, 0);
  lua_newtable(from_);
  lua_newtable(to_);
  for (const char* name : {"string", "table", "math", "utf8"}) same(name);
  lua_pushglobaltable(from_);
  lua_pushglobaltable(to_);
  keep(lua_topointer(from_, -1), Rest::kTable);
  lua_getfield(from_, LUA_REGISTRYINDEX, kLuaHandlers);
  push_copy(lua_gettop(from_));
  lua_setfield(to_, LUA_REGISTRYINDEX, kLuaHandlers);
  lua_rawgeti(from_, LUA_REGISTRYINDEX, reference);
  push_copy(lua_gettop(from_));
  fill_all();
}

}  // namespace

int copy_lua_state(lua_State* from, int reference, lua_State* to, lua_State* to_thread) {
  Copier copier(from, to);
  int arguments = -1;
  auto inside_to = [&](lua_State* state) {
    copier.copy(reference);
    const int list = lua_gettop(state);
    const int count = static_cast<int>(lua_rawlen(state, list));
    luaL_checkstack(state, count, nullptr);
    luaL_checkstack(to_thread, count, nullptr);
    for (int i = 1; i <= count; ++i) lua_rawgeti(state, list, i);
    lua_xmove(state, to_thread, count);
    arguments = count - 1;
  };
  // Wherever it fails, the cause is the same: there is no memory.
  auto inside_from = [&](lua_State*) {
    if (!LuaInterpreter::protect(to, inside_to)) arguments = -1;
  };
  if (!LuaInterpreter::protect(from, inside_from)) {
    arguments = -1;
    lua_settop(from, 0);
  }
  return arguments;
}

}  // namespace spindle
