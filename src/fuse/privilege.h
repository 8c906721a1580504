// What the kernel's requests do not say about the threads that make them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace spindle {

/// Whether the thread has the capability (CAP_SYS_ADMIN and the like) in the user namespace of this
/// process; false if it is gone.
bool has_capability(pid_t thread, int capability);

/// Whether one of the thread's supplementary groups is this one; false if it is gone.
bool is_in_group(pid_t thread, std::uint32_t group);

/// The names of a list as listxattr(2) gives it, without those of trusted attributes: only an
/// administrator may know of them.
std::string without_trusted(const std::string& names);
/// Whether the list has a trusted attribute.
bool has_trusted(const std::string& names);

}  // namespace spindle
