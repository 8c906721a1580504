#include "lua_program.h"

#include <algorithm>
#include <cstdlib>

#include "lua_interpreter.h"

namespace spindle {
namespace {

/// After so many instructions a script has used so much time.
constexpr int kInstructions = 100'000;
constexpr int kInstructionsBetweenLooks = 5'000;
constexpr std::size_t kManyArguments = 64;
constexpr std::int64_t kInstructionsTimeNs = 1'000'000;
/// And for each so many bytes that were made or gone through.
constexpr std::size_t kBytes = 2u << 20;
/// Comparing two texts, or reading one as a number, is one instruction, however long they are. So
/// texts are bounded, and a program with long ones has used its time after fewer instructions.
constexpr std::size_t kMostText = 1u << 20;
constexpr std::size_t kTextHeader = 64;
constexpr std::size_t kLongText = (4u << 10) + kTextHeader;
constexpr std::size_t kComparedAtOnce = 1u << 10;
constexpr std::size_t kReadAtOnce = 16u << 10;
/// Times that a function which a library called may go on without asking the kernel.
constexpr int kMostRefusals = 100;

}  // namespace

// The interpreter.

std::shared_ptr<LuaInterpreter> LuaInterpreter::make(const LuaProgram::Options& options) {
  std::shared_ptr<LuaInterpreter> made(new LuaInterpreter);
  made->options = options;
  made->state = lua_newstate(allocate, made.get());
  if (made->state == nullptr) return nullptr;
  *static_cast<LuaInterpreter**>(lua_getextraspace(made->state)) = made.get();
  made->begin_slice(made->state);
  auto open = [](lua_State* lua) {
    open_lua_libraries(lua);
    open_lua_calls(lua);
  };
  if (!protect(made->state, open)) return nullptr;
  return made;
}

LuaInterpreter::~LuaInterpreter() {
  if (state != nullptr) lua_close(state);
}

void* LuaInterpreter::allocate(void* self, void* block, std::size_t old_size,
                               std::size_t new_size) {
  auto& interpreter = *static_cast<LuaInterpreter*>(self);
  LuaMemory& all = *interpreter.options.memory;
  const std::size_t before = block == nullptr ? 0 : old_size;
  if (new_size > before) {
    const std::size_t more = new_size - before;
    const bool is_text = block == nullptr && old_size == LUA_TSTRING;
    if (is_text && new_size > kMostText + kTextHeader) return nullptr;
    if (interpreter.used_ + more > interpreter.options.most_bytes || !all.may_grow(more))
      return nullptr;
  }
  if (before > kLongText) interpreter.forget_text(block);
  void* moved = nullptr;
  if (new_size == 0)
    std::free(block);
  else if ((moved = std::realloc(block, new_size)) == nullptr)
    return nullptr;
  if (interpreter.running != nullptr && new_size > before)
    interpreter.charge(interpreter.running, new_size - before);
  // Lua says of a new block what it is for.
  if (block == nullptr && old_size == LUA_TSTRING && new_size > kLongText)
    interpreter.keep_text(moved, new_size);
  interpreter.used_ += new_size - before;
  all.add(new_size);
  all.remove(before);
  return moved;
}

void LuaInterpreter::keep_text(void* block, std::size_t bytes) {
  texts_.emplace(block, bytes);
  text_sizes_.insert(bytes);
  const int most = kInstructions / weight();
  if (running == nullptr || most >= instructions_left_) return;
  instructions_left_ = most;
  count_on(running);
}

void LuaInterpreter::forget_text(void* block) {
  const auto found = texts_.find(block);
  if (found == texts_.end()) return;
  text_sizes_.erase(text_sizes_.find(found->second));
  texts_.erase(found);
}

// As many times as long an instruction may take.
int LuaInterpreter::weight() const {
  std::size_t weight = 1 + most_arguments_ / kManyArguments;
  if (!text_sizes_.empty()) weight += *text_sizes_.rbegin() / kReadAtOnce;
  // The shorter one of the two that are compared counts.
  if (text_sizes_.size() > 1) weight += *std::next(text_sizes_.rbegin()) / kComparedAtOnce;
  return static_cast<int>(weight);
}

void LuaInterpreter::begin_slice(lua_State* running_state) {
  charged_ = 0;
  instructions_left_ = kInstructions / weight();
  count_on(running_state);
}

void LuaInterpreter::end_slice(lua_State* running_state) {
  instructions_left_ = 1;
  count_on(running_state);
}

void LuaInterpreter::count_on(lua_State* running_state) {
  instructions_counted_ = std::clamp(instructions_left_, 1, kInstructionsBetweenLooks);
  lua_sethook(running_state, count, LUA_MASKCOUNT, instructions_counted_);
}

void LuaInterpreter::charge(lua_State* running_state, std::size_t bytes) {
  charged_ += bytes;
  if (charged_ > kBytes) end_slice(running_state);
}

// One instruction may copy all arguments of a function that takes any number of them.
void LuaInterpreter::look_at_arguments(lua_State* caller, lua_Debug* record) {
  const auto has_more = [&](std::size_t number) {
    const bool has = lua_getlocal(caller, record, -static_cast<int>(number)) != nullptr;
    if (has) lua_pop(caller, 1);
    return has;
  };
  while (has_more(std::max(2 * most_arguments_, kManyArguments)))
    most_arguments_ = std::max(2 * most_arguments_, kManyArguments);
}

void LuaInterpreter::count(lua_State* state, lua_Debug* record) {
  LuaInterpreter& interpreter = of(state);
  interpreter.look_at_arguments(state, record);
  interpreter.instructions_left_ -= interpreter.instructions_counted_;
  if (interpreter.instructions_left_ > 0) return interpreter.count_on(state);
  const std::size_t slices = std::max<std::size_t>(1, interpreter.charged_ / kBytes);
  interpreter.debt_ns_ += static_cast<std::int64_t>(slices) * kInstructionsTimeNs;
  interpreter.begin_slice(state);
  if (lua_isyieldable(state) != 0) {
    interpreter.ran_out_of_instructions = true;
    lua_yield(state, 0);
    return;
  }
  if (++interpreter.refusals <= kMostRefusals) return;
  // From here on each instruction fails, so that no pcall can go on in a loop.
  interpreter.end_slice(state);
  // A program runs in a coroutine, where only a library's callback is kept from waiting.
  const bool is_callback = state != interpreter.state;
  luaL_error(state, "%s does not come to its end",
             is_callback ? "a function that a library called" : "the script");
}

lua_State* LuaInterpreter::new_thread(lua_State* state, int* reference) {
  lua_State* thread = lua_newthread(state);
  *reference = luaL_ref(state, LUA_REGISTRYINDEX);
  return thread;
}

// The program.

LuaProgram::LuaProgram(std::shared_ptr<LuaInterpreter> interpreter, lua_State* thread,
                       int reference, int arguments)
    : interpreter_(std::move(interpreter)), frames_{{thread, reference, arguments}} {}

LuaProgram::~LuaProgram() {
  for (const Frame& frame : frames_)
    luaL_unref(interpreter_->state, LUA_REGISTRYINDEX, frame.reference);
}

Result<std::unique_ptr<Program>> LuaProgram::load(const Options& options, const std::string& source,
                                                  std::string& message) {
  const auto interpreter = LuaInterpreter::make(options);
  if (interpreter == nullptr) return Error{ENOMEM, "there is no memory for the program"};
  lua_State* thread = nullptr;
  int reference = 0;
  int compiled = LUA_ERRMEM;
  auto prepare = [&](lua_State* state) {
    thread = LuaInterpreter::new_thread(state, &reference);
    lua_pushfstring(thread, "@%s", options.name.c_str());
    compiled = luaL_loadbufferx(thread, source.data(), source.size(), lua_tostring(thread, 1), "t");
    lua_remove(thread, 1);
    for (const std::string& argument : options.arguments)
      lua_pushlstring(thread, argument.data(), argument.size());
  };
  if (!LuaInterpreter::protect(interpreter->state, prepare) || compiled == LUA_ERRMEM)
    return Error{ENOMEM, "there is no memory for the program"};
  if (compiled != LUA_OK) {
    const char* what = lua_tostring(thread, 1);
    message = what == nullptr ? "the program cannot be read" : what;
    return Error{ENOEXEC, "the program is not valid Lua"};
  }
  return std::unique_ptr<Program>(std::make_unique<LuaProgram>(
      interpreter, thread, reference, static_cast<int>(options.arguments.size())));
}

void LuaProgram::next(const Response& response, Request& request) {
  request.call = SystemCall::kNone;
  request.numbers = {};
  request.function = 0;
  request.text.clear();
  request.more.clear();
  request.list.clear();
  if (is_out_of_memory_) return fail(request);
  Frame& frame = frames_.back();
  interpreter_->request = &request;
  interpreter_->response = &response;
  interpreter_->refusals = 0;
  interpreter_->running = frame.thread;
  interpreter_->ran_out_of_instructions = false;
  int results = 0;
  const int status =
      lua_resume(frame.thread, interpreter_->state, std::exchange(frame.arguments, 0), &results);
  interpreter_->running = nullptr;
  if (status == LUA_OK) return end_frame(results, request);
  if (status != LUA_YIELD) return fail(request);
  lua_pop(frame.thread, results);
  if (!interpreter_->ran_out_of_instructions) return;
  request.call = SystemCall::kCompute;
  request.numbers[0] = interpreter_->take_debt_ns();
}

std::size_t LuaProgram::bytes() const {
  return interpreter_->used();
}

// The innermost function has returned.
void LuaProgram::end_frame(int results, Request& request) {
  const Frame frame = frames_.back();
  if (frames_.size() > 1) {
    luaL_unref(interpreter_->state, LUA_REGISTRYINDEX, frame.reference);
    frames_.pop_back();
    request.call = SystemCall::kNone;
    return;
  }
  request = {};
  request.call = SystemCall::kExitThread;
  if (results > 0) request.numbers[0] = lua_tointeger(frame.thread, -results);
}

void LuaProgram::fail(Request& request) {
  request = {};
  request.call = SystemCall::kExit;
  request.numbers[0] = 1;
  const char* what = is_out_of_memory_ ? nullptr : lua_tostring(frames_.back().thread, -1);
  request.text = what == nullptr ? "not enough memory" : what;
}

void LuaProgram::enter_handler(int, int signal) {
  Frame frame;
  auto prepare = [&](lua_State* state) {
    frame.thread = LuaInterpreter::new_thread(state, &frame.reference);
    lua_getfield(frame.thread, LUA_REGISTRYINDEX, kLuaHandlers);
    lua_rawgeti(frame.thread, 1, signal);
    lua_remove(frame.thread, 1);
    lua_pushinteger(frame.thread, signal);
  };
  if (!LuaInterpreter::protect(interpreter_->state, prepare)) {
    is_out_of_memory_ = true;
    lua_pop(interpreter_->state, 1);
    return;
  }
  frame.arguments = 1;
  frames_.push_back(frame);
}

Result<std::unique_ptr<Program>> LuaProgram::make_thread(int function) {
  lua_State* thread = nullptr;
  int reference = 0;
  int arguments = 0;
  auto prepare = [&](lua_State* state) {
    thread = LuaInterpreter::new_thread(state, &reference);
    lua_rawgeti(thread, LUA_REGISTRYINDEX, function);
    const int count = static_cast<int>(lua_rawlen(thread, 1));
    luaL_checkstack(thread, count, "too many arguments");
    for (int i = 1; i <= count; ++i) lua_rawgeti(thread, 1, i);
    lua_remove(thread, 1);
    arguments = count - 1;
    luaL_unref(state, LUA_REGISTRYINDEX, function);
  };
  if (!LuaInterpreter::protect(interpreter_->state, prepare)) {
    lua_pop(interpreter_->state, 1);
    return Error{ENOMEM, "there is no memory for the thread"};
  }
  return std::unique_ptr<Program>(
      std::make_unique<LuaProgram>(interpreter_, thread, reference, arguments));
}

Result<std::unique_ptr<Program>> LuaProgram::make_child(int function) {
  const Error no_memory{ENOMEM, "there is no memory for the process"};
  const auto child = LuaInterpreter::make(interpreter_->options);
  if (child == nullptr) return no_memory;
  lua_State* thread = nullptr;
  int reference = 0;
  auto prepare = [&](lua_State* state) { thread = LuaInterpreter::new_thread(state, &reference); };
  if (!LuaInterpreter::protect(child->state, prepare)) return no_memory;
  const int arguments = copy_lua_state(interpreter_->state, function, child->state, thread);
  luaL_unref(interpreter_->state, LUA_REGISTRYINDEX, function);
  if (arguments < 0) return no_memory;
  return std::unique_ptr<Program>(
      std::make_unique<LuaProgram>(child, thread, reference, arguments));
}

}  // namespace spindle
