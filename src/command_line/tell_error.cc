#include "spindle/command_line/tell_error.h"

#include <cstdio>

#include "spindle/base/printable.h"

namespace spindle {

void tell_error(std::string_view program, std::string_view what) {
  const std::string line = printable_line(what);
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
               line.c_str());
}

}  // namespace spindle
