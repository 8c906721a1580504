// The calls of the machine as Lua functions: arguments are checked and put into the Request, the
// coroutine yields, and goes on with the answer: true or what was asked for; or nil, a message and
// an errno.

#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "lua_interpreter.h"
#include "spindle/base/clock.h"
#include "spindle/machine/machine_signal.h"
#include "spindle/machine/machine_snapshot.h"

namespace spindle {
namespace {

constexpr double kLongestMs = 1e12;

Request& request_of(lua_State* state) {
  return *LuaInterpreter::of(state).request;
}

/// An empty one: a call before this one may have failed half-way.
Request& new_request(lua_State* state) {
  Request& request = request_of(state);
  request.numbers = {};
  request.function = 0;
  request.text.clear();
  request.more.clear();
  request.list.clear();
  return request;
}

int answered(lua_State* state, int, lua_KContext) {
  const Response& response = *LuaInterpreter::of(state).response;
  if (response.error != 0) {
    lua_pushnil(state);
    lua_pushstring(state, response.clause);
    lua_pushinteger(state, response.error);
    return 3;
  }
  if (response.has_text) {
    lua_pushlstring(state, response.text.data(), response.text.size());
    return 1;
  }
  if (response.has_list) {
    lua_createtable(state, static_cast<int>(response.list.size()), 0);
    for (std::size_t i = 0; i < response.list.size(); ++i) {
      lua_pushlstring(state, response.list[i].data(), response.list[i].size());
      lua_rawseti(state, -2, static_cast<lua_Integer>(i) + 1);
    }
    return 1;
  }
  if (response.number_count == 0) {
    lua_pushboolean(state, 1);
    return 1;
  }
  for (unsigned i = 0; i < response.number_count; ++i) lua_pushinteger(state, response.numbers[i]);
  return static_cast<int>(response.number_count);
}

int ask(lua_State* state, SystemCall call, lua_KFunction then = answered) {
  request_of(state).call = call;
  lua_settop(state, 0);
  return lua_yieldk(state, 0, 0, then);
}

std::int64_t span_ns(lua_State* state, int index) {
  const double ms = luaL_checknumber(state, index);
  luaL_argcheck(state, ms >= 0 && ms <= kLongestMs, index, "a span of time in ms");
  return std::llround(ms * kNsPerMs);
}

void take_text(lua_State* state, int index, std::string& into) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(state, index, &size);
  into.assign(text, size);
}

/// "TERM" or a number.
int signal_at(lua_State* state, int index) {
  if (lua_isinteger(state, index) != 0) {
    const lua_Integer number = lua_tointeger(state, index);
    luaL_argcheck(state, number >= 0 && number <= kMostSignal, index, "no signal");
    return static_cast<int>(number);
  }
  const char* name = luaL_checkstring(state, index);
  const auto signal = signal_of(name);
  luaL_argcheck(state, signal.has_value(), index, "no signal");
  return *signal;
}

/// {function, arguments ...} from `index` on, in the registry.
int keep_function(lua_State* state, int index) {
  luaL_checktype(state, index, LUA_TFUNCTION);
  const int count = lua_gettop(state);
  lua_createtable(state, count - index + 1, 0);
  for (int i = index; i <= count; ++i) {
    lua_pushvalue(state, i);
    lua_rawseti(state, -2, i - index + 1);
  }
  return luaL_ref(state, LUA_REGISTRYINDEX);
}

/// Calls whose arguments are all of one shape: a letter each. n number; N or o number that may be
/// left out, and is then 0 or -1; t span of time; s text; m a second text; v a text that may be
/// left out.
template <SystemCall call>
int plain(lua_State* state, const char* shape) {
  Request& request = new_request(state);
  std::size_t number = 0;
  for (int index = 1; shape[index - 1] != '\0'; ++index) {
    switch (shape[index - 1]) {
      case 'n':
        request.numbers[number++] = luaL_checkinteger(state, index);
        break;
      case 'N':
        request.numbers[number++] = luaL_optinteger(state, index, 0);
        break;
      case 'o':
        request.numbers[number++] = luaL_optinteger(state, index, -1);
        break;
      case 't':
        request.numbers[number++] = span_ns(state, index);
        break;
      case 's':
        take_text(state, index, request.text);
        break;
      case 'm':
        take_text(state, index, request.more);
        break;
      default:
        if (!lua_isnoneornil(state, index)) take_text(state, index, request.text);
    }
  }
  return ask(state, call);
}

template <SystemCall call, char... shape>
int simple(lua_State* state) {
  constexpr char kShape[] = {shape..., '\0'};
  return plain<call>(state, kShape);
}

// Processes.

int call_fork(lua_State* state) {
  new_request(state).function = keep_function(state, 1);
  return ask(state, SystemCall::kFork);
}

int call_thread(lua_State* state) {
  new_request(state).function = keep_function(state, 1);
  return ask(state, SystemCall::kThread);
}

int call_exec(lua_State* state) {
  Request& request = new_request(state);
  const int count = lua_gettop(state);
  for (int i = 1; i <= count; ++i) luaL_checkstring(state, i);
  take_text(state, 1, request.text);
  for (int i = 2; i <= count; ++i) request.list.emplace_back(lua_tostring(state, i));
  return ask(state, SystemCall::kExec);
}

/// Number, status and, if a signal ended it, its name; nil and the reason if there is no child.
int waited(lua_State* state, int, lua_KContext) {
  const Response& response = *LuaInterpreter::of(state).response;
  if (response.error != 0 || response.number_count < 2) return answered(state, 0, 0);
  const auto status = static_cast<int>(response.numbers[1]);
  lua_pushinteger(state, response.numbers[0]);
  if ((status & 0xFF) == 0) {
    lua_pushinteger(state, status >> 8);
    return 2;
  }
  const bool was_stopped = (status & 0xFF) == 0x7F;
  lua_pushnil(state);
  lua_pushstring(state, was_stopped ? "STOP" : signal_name(status & 0x7F).data());
  return 3;
}

/// wait([pid [, "nohang" | "untraced"]])
int call_wait(lua_State* state) {
  Request& request = new_request(state);
  request.numbers[0] = luaL_optinteger(state, 1, -1);
  for (int i = 2; i <= lua_gettop(state); ++i) {
    const char* const option = luaL_checkstring(state, i);
    const bool is_nohang = std::strcmp(option, "nohang") == 0;
    luaL_argcheck(state, is_nohang || std::strcmp(option, "untraced") == 0, i,
                  "nohang or untraced");
    request.numbers[1] |= is_nohang ? 1 : 2;
  }
  return ask(state, SystemCall::kWait, waited);
}

template <int which>
int identity(lua_State* state, int, lua_KContext) {
  lua_pushinteger(state, LuaInterpreter::of(state).response->numbers[which]);
  return 1;
}

template <int which>
int call_identity(lua_State* state) {
  new_request(state);
  return ask(state, SystemCall::kGetProcess, identity<which>);
}

int told_time(lua_State* state, int, lua_KContext) {
  const double ns = static_cast<double>(LuaInterpreter::of(state).response->numbers[0]);
  lua_pushnumber(state, ns / kNsPerMs);
  return 1;
}

int call_now(lua_State* state) {
  new_request(state);
  return ask(state, SystemCall::kTime, told_time);
}

// Signals and priorities.

int call_kill(lua_State* state) {
  Request& request = new_request(state);
  request.numbers[0] = luaL_checkinteger(state, 1);
  request.numbers[1] = lua_isnoneornil(state, 2) ? kSigTerm : signal_at(state, 2);
  return ask(state, SystemCall::kKill);
}

/// signal(SIGNAL, function | "ignore" | "default")
int call_signal(lua_State* state) {
  Request& request = new_request(state);
  const int signal = signal_at(state, 1);
  request.numbers[0] = signal;
  if (lua_isfunction(state, 2)) {
    request.numbers[1] = 2;
    request.function = signal;
    lua_getfield(state, LUA_REGISTRYINDEX, kLuaHandlers);
    lua_pushvalue(state, 2);
    lua_rawseti(state, -2, signal);
    return ask(state, SystemCall::kSignal);
  }
  static const char* const kWays[] = {"default", "ignore", nullptr};
  request.numbers[1] = luaL_checkoption(state, 2, nullptr, kWays);
  return ask(state, SystemCall::kSignal);
}

/// signal_mask("block" | "unblock" | "set", SIGNAL ...)
int call_signal_mask(lua_State* state) {
  static const char* const kWays[] = {"block", "unblock", "set", nullptr};
  Request& request = new_request(state);
  request.numbers[0] = luaL_checkoption(state, 1, nullptr, kWays);
  SignalSet set = 0;
  for (int i = 2; i <= lua_gettop(state); ++i) set |= SignalSet{1} << signal_at(state, i);
  request.numbers[1] = static_cast<std::int64_t>(set);
  return ask(state, SystemCall::kSignalMask);
}

/// sched(CLASS [, PRIORITY [, PID]])
int call_scheduler(lua_State* state) {
  static const char* const kClasses[] = {"other", "fifo", "rr", "batch", "idle", nullptr};
  static const SchedulingClass kNumbers[] = {SchedulingClass::kOther, SchedulingClass::kFifo,
                                             SchedulingClass::kRoundRobin, SchedulingClass::kBatch,
                                             SchedulingClass::kIdle};
  Request& request = new_request(state);
  request.numbers[1] =
      static_cast<std::int64_t>(kNumbers[luaL_checkoption(state, 1, nullptr, kClasses)]);
  request.numbers[2] = luaL_optinteger(state, 2, 0);
  request.numbers[0] = luaL_optinteger(state, 3, 0);
  return ask(state, SystemCall::kSetScheduler);
}

/// ionice(CLASS [, LEVEL [, PID]])
int call_io_priority(lua_State* state) {
  const std::string_view name = luaL_checkstring(state, 1);
  const auto known = std::ranges::find(IoPriority::kClassNames, name);
  if (known == IoPriority::kClassNames.end()) return luaL_argerror(state, 1, "no class of I/O");
  Request& request = new_request(state);
  request.numbers[1] = known - IoPriority::kClassNames.begin();
  request.numbers[2] = luaL_optinteger(state, 2, 0);
  request.numbers[0] = luaL_optinteger(state, 3, 0);
  return ask(state, SystemCall::kSetIoPriority);
}

/// cpus(CPU ...): the ones that the thread may run on.
int call_affinity(lua_State* state) {
  std::uint64_t set = 0;
  for (int i = 1; i <= lua_gettop(state); ++i) {
    const lua_Integer cpu = luaL_checkinteger(state, i);
    luaL_argcheck(state, cpu >= 0 && cpu < 64, i, "CPUs are 0 to 63");
    set |= std::uint64_t{1} << cpu;
  }
  new_request(state).numbers[1] = static_cast<std::int64_t>(set);
  return ask(state, SystemCall::kSetAffinity);
}

/// ulimit(NAME [, VALUE])
int call_limit(lua_State* state) {
  Request& request = new_request(state);
  take_text(state, 1, request.text);
  request.numbers[0] = lua_isnoneornil(state, 2) ? 0 : 1;
  request.numbers[1] = luaL_optinteger(state, 2, 0);
  return ask(state, SystemCall::kLimit);
}

// Files.

/// open(PATH [, "r" | "w" | "a" | "r+" | "w+" | "a+"])
int call_open(lua_State* state) {
  static const char* const kModes[] = {"r", "w", "a", "r+", "w+", "a+", nullptr};
  static constexpr int kFlags[] = {
      O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_APPEND,
      O_RDWR,   O_RDWR | O_CREAT | O_TRUNC,   O_RDWR | O_CREAT | O_APPEND};
  take_text(state, 1, new_request(state).text);
  request_of(state).numbers[0] = kFlags[luaL_checkoption(state, 2, "r", kModes)];
  return ask(state, SystemCall::kOpen);
}

int call_seek(lua_State* state) {
  static const char* const kFrom[] = {"set", "cur", "end", nullptr};
  Request& request = new_request(state);
  request.numbers[0] = luaL_checkinteger(state, 1);
  request.numbers[1] = luaL_checkinteger(state, 2);
  request.numbers[2] = luaL_checkoption(state, 3, "set", kFrom);
  return ask(state, SystemCall::kSeek);
}

int call_write(lua_State* state) {
  Request& request = new_request(state);
  request.numbers[0] = luaL_checkinteger(state, 1);
  take_text(state, 2, request.text);
  return ask(state, SystemCall::kWrite);
}

/// print(...): a line, with tabs between the values, to descriptor 1.
int call_print(lua_State* state) {
  const int count = lua_gettop(state);
  luaL_Buffer line;
  luaL_buffinit(state, &line);
  for (int i = 1; i <= count; ++i) {
    if (i > 1) luaL_addchar(&line, '\t');
    lua_getglobal(state, "tostring");
    lua_pushvalue(state, i);
    lua_call(state, 1, 1);
    luaL_addvalue(&line);
  }
  luaL_addchar(&line, '\n');
  luaL_pushresult(&line);
  Request& request = new_request(state);
  request.numbers[0] = 1;
  take_text(state, -1, request.text);
  return ask(state, SystemCall::kWrite);
}

/// {size = ..., directory = ..., link = ..., inode = ..., mode = ..., links, uid, gid, modified,
/// path}
int told_status(lua_State* state, int, lua_KContext) {
  const Response& response = *LuaInterpreter::of(state).response;
  if (response.error != 0) return answered(state, 0, 0);
  lua_createtable(state, 0, 10);
  static const char* const kMore[] = {"mode", "links", "uid", "gid", "modified"};
  for (std::size_t i = 0; i < std::size(kMore); ++i) {
    lua_pushinteger(state, std::strtoll(response.list[i].c_str(), nullptr, 10));
    lua_setfield(state, -2, kMore[i]);
  }
  const std::string& path = response.list[std::size(kMore)];
  lua_pushlstring(state, path.data(), path.size());
  lua_setfield(state, -2, "path");
  constexpr lua_Integer kKind = 0170000, kLink = 0120000;
  lua_getfield(state, -1, "mode");
  const bool is_link = (lua_tointeger(state, -1) & kKind) == kLink;
  lua_pop(state, 1);
  lua_pushboolean(state, is_link ? 1 : 0);
  lua_setfield(state, -2, "link");
  lua_pushinteger(state, response.numbers[0]);
  lua_setfield(state, -2, "size");
  lua_pushboolean(state, response.numbers[1] != 0 ? 1 : 0);
  lua_setfield(state, -2, "directory");
  lua_pushinteger(state, response.numbers[2]);
  lua_setfield(state, -2, "inode");
  return 1;
}

template <SystemCall call>
int call_status(lua_State* state) {
  take_text(state, 1, new_request(state).text);
  return ask(state, call, told_status);
}

/// The text of a program's part, which runs as a function of it; what that returns is the answer.
int has_run(lua_State* state, int, lua_KContext) {
  return lua_gettop(state);
}

int loaded(lua_State* state, int, lua_KContext) {
  const Response& response = *LuaInterpreter::of(state).response;
  if (response.error != 0) luaL_error(state, "%s: %s", lua_tostring(state, 1), response.clause);
  const std::string& text = response.text;
  lua_pushfstring(state, "@%s", lua_tostring(state, 1));
  if (luaL_loadbufferx(state, text.data(), text.size(), lua_tostring(state, -1), "t") != LUA_OK)
    lua_error(state);
  lua_replace(state, 1);
  lua_settop(state, 1);
  lua_callk(state, 0, LUA_MULTRET, 0, has_run);
  return has_run(state, LUA_OK, 0);
}

int call_do_file(lua_State* state) {
  take_text(state, 1, new_request(state).text);
  request_of(state).call = SystemCall::kDoFile;
  lua_settop(state, 1);  // the path names the part in messages
  return lua_yieldk(state, 0, 0, loaded);
}

// Memory.

/// mmap(BYTES [, "rwx" [, "private" | "shared" [, DESCRIPTOR [, OFFSET]]]])
int call_map(lua_State* state) {
  static const char* const kWays[] = {"private", "shared", nullptr};
  Request& request = new_request(state);
  request.numbers[0] = luaL_checkinteger(state, 1);
  request.text = luaL_optstring(state, 2, "rw");
  request.numbers[1] = luaL_checkoption(state, 3, "private", kWays);
  request.numbers[2] = luaL_optinteger(state, 4, -1);
  request.numbers[3] = luaL_optinteger(state, 5, 0);
  return ask(state, SystemCall::kMap);
}

/// touch(ADDRESS [, "r" | "w" | "x"])
int call_touch(lua_State* state) {
  static const char* const kWays[] = {"r", "w", "x", nullptr};
  Request& request = new_request(state);
  request.numbers[0] = luaL_checkinteger(state, 1);
  request.numbers[1] = luaL_checkoption(state, 2, "r", kWays);
  return ask(state, SystemCall::kTouch);
}

// Synchronisation.

/// True if it was to be had.
int told_whether(lua_State* state, int, lua_KContext) {
  const Response& response = *LuaInterpreter::of(state).response;
  if (response.error != 0) return answered(state, 0, 0);
  lua_pushboolean(state, response.numbers[0] != 0 ? 1 : 0);
  return 1;
}

template <SystemCall call>
int call_try(lua_State* state) {
  take_text(state, 1, new_request(state).text);
  return ask(state, call, told_whether);
}

/// monitor(NAME [, "mesa" | "hoare"])
int call_monitor(lua_State* state) {
  static const char* const kSignalling[] = {"mesa", "hoare", nullptr};
  Request& request = new_request(state);
  take_text(state, 1, request.text);
  request.numbers[0] = luaL_checkoption(state, 2, "mesa", kSignalling);
  return ask(state, SystemCall::kMonitorOpen);
}

/// request(NAME, COUNT [, NAME, COUNT ...]): all of them or none.
int call_request(lua_State* state) {
  Request& request = new_request(state);
  const int count = lua_gettop(state);
  luaL_argcheck(state, count >= 2 && count % 2 == 0, count, "names and counts in turn");
  for (int i = 1; i < count; i += 2) {
    luaL_checkstring(state, i);
    luaL_checkinteger(state, i + 1);
  }
  for (int i = 1; i < count; i += 2) {
    request.list.emplace_back(lua_tostring(state, i));
    request.list.push_back(std::to_string(lua_tointeger(state, i + 1)));
  }
  request.text = request.list[0];
  return ask(state, SystemCall::kResourceRequest);
}

/// queue_receive(NAME [, MOST]): waits at most so long, ms.
int call_receive(lua_State* state) {
  Request& request = new_request(state);
  take_text(state, 1, request.text);
  request.numbers[0] = lua_isnoneornil(state, 2) ? -1 : span_ns(state, 2);
  return ask(state, SystemCall::kQueueReceive);
}

using Call = SystemCall;
constexpr luaL_Reg kCalls[] = {
    {"compute", simple<Call::kCompute, 't'>},
    {"sleep", simple<Call::kSleep, 't'>},
    {"yield", simple<Call::kYield>},
    {"now", call_now},
    {"exit", simple<Call::kExit, 'N'>},
    {"fork", call_fork},
    {"thread", call_thread},
    {"join", simple<Call::kJoin, 'n'>},
    {"exec", call_exec},
    {"wait", call_wait},
    {"getpid", call_identity<0>},
    {"getppid", call_identity<1>},
    {"gettid", call_identity<2>},
    {"setpgid", simple<Call::kSetGroup, 'N', 'N'>},
    {"setsid", simple<Call::kSetSession>},
    {"kill", call_kill},
    {"signal", call_signal},
    {"signal_mask", call_signal_mask},
    {"pause", simple<Call::kPause>},
    {"alarm", simple<Call::kAlarm, 't'>},
    {"nice", simple<Call::kNice, 'n'>},
    {"sched", call_scheduler},
    {"ionice", call_io_priority},
    {"cpus", call_affinity},
    {"ulimit", call_limit},
    {"open", call_open},
    {"close", simple<Call::kClose, 'n'>},
    {"read", simple<Call::kRead, 'n', 'n'>},
    {"write", call_write},
    {"print", call_print},
    {"seek", call_seek},
    {"stat", call_status<Call::kStatus>},
    {"lstat", call_status<Call::kLinkStatus>},
    {"symlink", simple<Call::kMakeLink, 's', 'm'>},
    {"readlink", simple<Call::kReadLink, 's'>},
    {"dofile", call_do_file},
    {"processes", simple<Call::kProcesses>},
    {"truncate", simple<Call::kTruncate, 's', 'n'>},
    {"remove", simple<Call::kRemove, 's'>},
    {"rename", simple<Call::kRename, 's', 'm'>},
    {"link", simple<Call::kLink, 's', 'm'>},
    {"chmod", simple<Call::kChangeMode, 's', 'n'>},
    {"utime", simple<Call::kSetTimes, 's', 'o'>},
    {"umask", simple<Call::kUmask, 'o'>},
    {"mkdir", simple<Call::kMakeDirectory, 's'>},
    {"list", simple<Call::kList, 's'>},
    {"chdir", simple<Call::kChangeDirectory, 'v'>},
    {"pipe", simple<Call::kPipe>},
    {"dup", simple<Call::kDuplicate, 'n', 'o'>},
    {"mmap", call_map},
    {"munmap", simple<Call::kUnmap, 'n', 'n'>},
    {"mprotect", simple<Call::kProtect, 'n', 'n', 's'>},
    {"brk", simple<Call::kBreak, 'N'>},
    {"touch", call_touch},
    {"load", simple<Call::kLoad, 'n'>},
    {"store", simple<Call::kStore, 'n', 'n'>},
    {"shm_open", simple<Call::kSharedMemory, 's', 'n'>},
    {"shm_unlink", simple<Call::kSharedMemoryRemove, 's'>},
    {"sem_open", simple<Call::kSemaphoreOpen, 's', 'n'>},
    {"sem_wait", simple<Call::kSemaphoreWait, 's'>},
    {"sem_trywait", call_try<Call::kSemaphoreTryWait>},
    {"sem_post", simple<Call::kSemaphorePost, 's'>},
    {"mutex_lock", simple<Call::kMutexLock, 's'>},
    {"mutex_trylock", call_try<Call::kMutexTryLock>},
    {"mutex_unlock", simple<Call::kMutexUnlock, 's'>},
    {"cond_wait", simple<Call::kConditionWait, 's', 'm'>},
    {"cond_signal", simple<Call::kConditionSignal, 's'>},
    {"cond_broadcast", simple<Call::kConditionBroadcast, 's'>},
    {"monitor", call_monitor},
    {"monitor_enter", simple<Call::kMonitorEnter, 's'>},
    {"monitor_leave", simple<Call::kMonitorLeave, 's'>},
    {"queue_open", simple<Call::kQueueOpen, 's', 'n'>},
    {"queue_send", simple<Call::kQueueSend, 's', 'm', 'N'>},
    {"queue_receive", call_receive},
    {"resource", simple<Call::kResourceOpen, 's', 'n'>},
    {"claim", simple<Call::kResourceClaim, 's', 'n'>},
    {"request", call_request},
    {"release", simple<Call::kResourceRelease, 's', 'n'>},
};

}  // namespace

void open_lua_calls(lua_State* state) {
  for (const luaL_Reg& call : kCalls) {
    lua_pushcfunction(state, call.func);
    lua_setglobal(state, call.name);
  }
  const LuaProgram::Options& options = LuaInterpreter::of(state).options;
  lua_newtable(state);
  lua_pushlstring(state, options.name.data(), options.name.size());
  lua_rawseti(state, -2, 0);
  for (std::size_t i = 0; i < options.arguments.size(); ++i) {
    lua_pushlstring(state, options.arguments[i].data(), options.arguments[i].size());
    lua_rawseti(state, -2, static_cast<lua_Integer>(i) + 1);
  }
  lua_setglobal(state, "arg");
  lua_newtable(state);
  for (const std::string& variable : options.environment) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    lua_pushlstring(state, variable.data(), equals);
    lua_pushlstring(state, variable.data() + equals + 1, variable.size() - equals - 1);
    lua_rawset(state, -3);
  }
  lua_setglobal(state, "env");
}

}  // namespace spindle
