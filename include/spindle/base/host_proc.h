// The host's own /proc, also when a file system of ours is bound over it.
//
// A daemon that reads /proc by its path may be asking itself, and then it would wait for its own
// answer for ever. `open_host_proc` is called before anything is mounted; all paths below are
// relative to the folder that /proc was at that time.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "spindle/base/file_descriptor.h"
#include "spindle/base/result.h"

namespace spindle {

/// Remembers /proc as it is now; only the first call does. Every function here calls it, too.
void open_host_proc();

/// The content of a file such as "17/status".
Result<std::string> read_host_proc(const std::string& path);
Result<std::string> read_host_proc_link(const std::string& path);
/// The names in such a folder.
Result<std::vector<std::string>> list_host_proc(const std::string& path);
/// open(2) of what is there, links followed: "17/fd/3" is what the process has open there.
FileDescriptor open_in_host_proc(const std::string& path, int flags);
/// What stat(2) says of it, links followed; false if there is nothing.
bool stat_host_proc(const std::string& path, struct stat& to);

/// The rest of the line that begins with `field` ("NStgid:") in such a file, without the blanks
/// around it; empty if there is none.
std::string host_proc_field(const std::string& path, std::string_view field);

}  // namespace spindle
