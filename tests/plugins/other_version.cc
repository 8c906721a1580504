// A library that was built for policy headers of another version.

#include <cstdint>

struct Head {
  std::uint32_t interface;
  const char* standard_library;
};

extern "C" const void* spindle_arm_policy() {
  static constexpr Head kHead = {4711, "libstdc++"};
  return &kHead;
}

extern "C" const void* spindle_cpu_policy() {
  static constexpr Head kHead = {1, "libc of another world"};
  return &kHead;
}
