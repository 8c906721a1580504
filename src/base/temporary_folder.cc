#include "spindle/base/temporary_folder.h"

#include <cerrno>
#include <cstdlib>

namespace spindle {

Result<std::string> make_temporary_folder(std::string_view name) {
  constexpr std::size_t kReplaced = 6;  // by mkdtemp, which asks for that many at the end
  const char* const parent = std::getenv("TMPDIR");
  std::string path = parent == nullptr || *parent == '\0' ? "/tmp" : parent;
  path.append("/").append(name).append(".").append(kReplaced, 'X');
  if (::mkdtemp(path.data()) == nullptr) return Error{errno, "no temporary folder can be made"};
  return path;
}

}  // namespace spindle
