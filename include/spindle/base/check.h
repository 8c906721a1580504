// CHECK: the program's own promises, tested in every build.
//
// CHECK(condition) is for what only a bug of ours can break: an invariant, a precondition between
// our own layers. It prints the condition with its place and aborts. It is never used on bytes that
// come from a disk, from a person or from the host: those are answered with an Error (result.h).
#pragma once

namespace spindle {

/// Prints "file:line: CHECK failed: condition" to standard error and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace spindle

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::spindle::check_failed(#condition, __FILE__, __LINE__))
