// Where a signal interrupted the code, by what the kernel hands to its handler.
#pragma once

#include <ucontext.h>

#include <cstdint>

namespace spindle::thread {

/// The two registers; 0 on an architecture that is not known here.
struct Interrupted {
  std::uintptr_t code = 0;
  std::uintptr_t stack = 0;
};

inline Interrupted interrupted(const ucontext_t& context) {
#if defined(__x86_64__)
  const auto& registers = context.uc_mcontext.gregs;
  return {static_cast<std::uintptr_t>(registers[REG_RIP]),
          static_cast<std::uintptr_t>(registers[REG_RSP])};
#elif defined(__aarch64__)
  return {context.uc_mcontext.pc, context.uc_mcontext.sp};
#else
  return static_cast<void>(context), Interrupted();
#endif
}

}  // namespace spindle::thread
