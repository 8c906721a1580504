#include "spindle/command_line/checked_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

namespace spindle {
namespace {

int fail(std::string_view program, int failed, const char* why) {
  std::fprintf(stderr, "%.*s: standard output cannot be written (%s)\n",
               static_cast<int>(program.size()), program.data(), why);
  return failed;
}

/// What stands for a closed stream cannot be used as that stream: printing to it still is an error.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0)
      (void)::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int with_checked_output(std::string_view program, int failed, const std::function<int()>& work) {
  occupy_closed_streams();
  try {
    const int status = work();
    // A program that printed nothing may have no standard output.
    const bool has_arrived = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    return has_arrived ? status : fail(program, failed, std::strerror(errno));
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again && std::ferror(stdout) == 0) {
      std::fprintf(stderr, "%.*s: the host gives no more kernel threads\n",
                   static_cast<int>(program.size()), program.data());
      return failed;
    }
    // Thrown by fmt::print, which says where before the colon and the reason behind it.
    return fail(program, failed, error.code().message().c_str());
  }
}

}  // namespace spindle
