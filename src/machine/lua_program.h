// LuaProgram: a thread of control that is a Lua script.
//
// Each process has an interpreter of its own; its threads are coroutines of it, and signal handlers
// coroutines upon those. A script can do nothing but compute and ask the kernel: the libraries of
// files, processes, debugging and loading are not there, memory is counted, and it pays for its
// instructions with virtual time. Nothing in it depends on addresses or on the real clock.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "request.h"
#include "spindle/base/random.h"

struct lua_State;

namespace spindle {

/// What all interpreters of a machine may use together.
class LuaMemory {
 public:
  explicit LuaMemory(std::size_t most) : most_(most) {}
  [[nodiscard]] bool may_grow(std::size_t bytes) const { return used_ + bytes <= most_; }
  void add(std::size_t bytes) { used_ += bytes; }
  void remove(std::size_t bytes) { used_ -= bytes; }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::size_t most_;
  std::size_t used_ = 0;
};

class LuaInterpreter;

class LuaProgram final : public Program {
 public:
  struct Options {
    std::shared_ptr<LuaMemory> memory;
    std::size_t most_bytes = 8u << 20;
    std::string name;  ///< of the script, for messages
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  ///< NAME=VALUE
    Random* random = nullptr;
  };
  /// EINVAL for an error of syntax, which `message` then tells; ENOMEM.
  static Result<std::unique_ptr<Program>> load(const Options& options, const std::string& source,
                                               std::string& message);

  LuaProgram(std::shared_ptr<LuaInterpreter> interpreter, lua_State* thread, int reference,
             int arguments);
  ~LuaProgram() override;
  void next(const Response& response, Request& request) override;
  void enter_handler(int function, int signal) override;
  Result<std::unique_ptr<Program>> make_thread(int function) override;
  Result<std::unique_ptr<Program>> make_child(int function) override;
  [[nodiscard]] std::size_t bytes() const override;

 private:
  struct Frame {
    lua_State* thread = nullptr;
    int reference = 0;  ///< keeps the coroutine in the registry
    int arguments = 0;  ///< how many values on its stack its first resume takes
  };
  void end_frame(int results, Request& request);
  void fail(Request& request);

  std::shared_ptr<LuaInterpreter> interpreter_;
  std::vector<Frame> frames_;
  bool is_out_of_memory_ = false;
};

}  // namespace spindle
