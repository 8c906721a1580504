// LuaInterpreter: one Lua state, its memory, and what its C functions share.
//
// A C function of a script finds its interpreter by `of`. Whatever may fail for lack of memory runs
// in `protect`: errors of Lua jump over C++ frames, so nothing with a destructor may live there.
#pragma once

#include <lua.hpp>
#include <memory>
#include <set>
#include <unordered_map>

#include "lua_program.h"

namespace spindle {

class LuaInterpreter {
 public:
  /// Null if there is no memory for it.
  static std::shared_ptr<LuaInterpreter> make(const LuaProgram::Options& options);
  ~LuaInterpreter();

  static LuaInterpreter& of(lua_State* state) {
    return **static_cast<LuaInterpreter**>(lua_getextraspace(state));
  }
  /// Calls `body(state)` so that an error of Lua only ends it: then returns false, with the message
  /// on the stack.
  template <class Body>
  static bool protect(lua_State* state, Body& body) {
    lua_pushcfunction(state, [](lua_State* inside) {
      (*static_cast<Body*>(lua_touserdata(inside, 1)))(inside);
      return 0;
    });
    lua_pushlightuserdata(state, &body);
    return lua_pcall(state, 1, 0, 0) == LUA_OK;
  }
  /// A new coroutine, kept in the registry. Inside `protect`.
  static lua_State* new_thread(lua_State* state, int* reference);

  lua_State* state = nullptr;
  LuaProgram::Options options;
  Request* request = nullptr;          ///< filled by the call that yields
  const Response* response = nullptr;  ///< what the call that goes on is answered
  /// Charges work of a library that is not counted in instructions: as much as making `bytes`
  /// bytes. A program that has done much of it has used up its time at the next instruction.
  void charge(lua_State* running_state, std::size_t bytes);

  bool ran_out_of_instructions = false;
  /// The virtual time owed for the work done, which then counts as paid.
  std::int64_t take_debt_ns() { return std::exchange(debt_ns_, 0); }
  [[nodiscard]] std::size_t used() const { return used_; }
  lua_State* running = nullptr;  ///< the coroutine that runs
  int refusals = 0;              ///< times that the hook could not yield

 private:
  LuaInterpreter() = default;
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);
  void keep_text(void* block, std::size_t bytes);
  void forget_text(void* block);
  [[nodiscard]] int weight() const;
  void begin_slice(lua_State* state);
  void end_slice(lua_State* state);  ///< ends it at the next instruction
  void count_on(lua_State* state);
  void look_at_arguments(lua_State* state, lua_Debug* record);
  static void count(lua_State* state, lua_Debug* record);

  std::size_t used_ = 0;
  std::size_t charged_ = 0;  ///< since the slice began
  std::int64_t debt_ns_ = 0;
  std::unordered_map<void*, std::size_t> texts_;  ///< long texts, with their sizes
  std::multiset<std::size_t> text_sizes_;
  std::size_t most_arguments_ = 0;  ///< that a function was seen to have, to a factor of two
  int instructions_left_ = 0;       ///< until the slice ends
  int instructions_counted_ = 0;    ///< until the hook comes
};

/// Keys of the registry.
inline constexpr const char* kLuaHandlers = "spindle.handlers";    ///< function of each signal
inline constexpr const char* kLuaOriginals = "spindle.originals";  ///< functions that are guarded

/// The libraries that are safe, made safe (lua_library.cc). Inside `protect`.
void open_lua_libraries(lua_State* state);
/// The calls of the machine (lua_calls.cc). Inside `protect`.
void open_lua_calls(lua_State* state);
/// Copies all globals, handlers, and the list {function, arguments ...} of `from`'s registry into
/// the new state `to`, and leaves function and arguments on the stack of `to_thread`. Returns the
/// number of arguments, or -1 if there is no memory (lua_copy.cc).
int copy_lua_state(lua_State* from, int reference, lua_State* to, lua_State* to_thread);

}  // namespace spindle
