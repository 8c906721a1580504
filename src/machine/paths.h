// Paths of the machine's files, as text.
#pragma once

#include <string>
#include <string_view>

namespace spindle {

/// The path from the root on; ".." stays, since only the host knows where links lead.
std::string absolute_path(std::string_view directory, std::string_view path);
/// The name that `ps` shows of a program: the last part of its path, without ".lua".
std::string program_name(std::string_view path);

}  // namespace spindle
