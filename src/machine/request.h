// Request and Response: what a program asks of the kernel, and what it is answered.
//
// A Program is one thread of control: the kernel takes the next request from it when the one before
// is answered. What it does in between takes no virtual time, except what it asks for with
// kCompute. Scripts are LuaPrograms.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "spindle/base/result.h"
#include "spindle/machine/machine_event.h"

namespace spindle {

/// What `numbers`, `text` and `more` mean stands beside the kernel's handler of each call.
struct Request {
  SystemCall call = SystemCall::kNone;
  std::array<std::int64_t, 4> numbers{};
  std::string text;
  std::string more;
  std::vector<std::string> list;
  int function = 0;  ///< of kFork, kThread and kSignal: the program's own number of it; 0: none
};

struct Response {
  int error = 0;            ///< an errno, or 0
  const char* clause = "";  ///< why it failed
  std::array<std::int64_t, 3> numbers{};
  unsigned number_count = 0;
  bool has_text = false;
  bool has_list = false;
  std::string text;
  std::vector<std::string> list;

  static Response nothing() { return {}; }
  static Response of(std::int64_t number) {
    Response response;
    response.numbers[0] = number;
    response.number_count = 1;
    return response;
  }
  static Response of(std::string text) {
    Response response;
    response.text = std::move(text);
    response.has_text = true;
    return response;
  }
  static Response of(const Error& error) {
    Response response;
    response.error = error.code;
    response.clause = error.what;
    return response;
  }
  static Response of(const Result<>& result) {
    return result.ok() ? nothing() : of(result.error());
  }
};

class Program {
 public:
  virtual ~Program() = default;
  /// Goes on with the answer to the last request, until the next one. A program that has come to
  /// its end asks for kExitThread; one that failed for kExit, with its message in `text`.
  virtual void next(const Response& response, Request& request) = 0;
  /// The next `next` begins a signal's handler; when that has come to its end, the request is kNone
  /// and the program is again where it was.
  virtual void enter_handler(int function, int signal) = 0;
  /// Another thread of the same process, which begins with the function of a kThread request.
  virtual Result<std::unique_ptr<Program>> make_thread(int function) = 0;
  /// A thread of a new process that has all that this one has, and begins with the function of a
  /// kFork request.
  virtual Result<std::unique_ptr<Program>> make_child(int function) = 0;
  /// The size of all that it keeps, which a child would get a copy of.
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

}  // namespace spindle
