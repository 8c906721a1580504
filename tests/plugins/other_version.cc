// A library that was built for policy headers of another version, and with another C++ library,
// and that registers nothing for one kind.

#include "spindle/policy/plugin.h"

struct Head {
  std::uint32_t interface;
  const char* standard_library;
};

extern "C" const void* spindle_arm_policy() {
  static constexpr Head kHead = {4711, "libstdc++"};
  return &kHead;
}

extern "C" const void* spindle_cpu_policy() {
  static constexpr Head kHead = {spindle::plugin::kInterface, "libc of another world"};
  return &kHead;
}

extern "C" const void* spindle_replacement_policy() {
  return nullptr;
}
