#include "paths.h"

namespace spindle {

std::string absolute_path(std::string_view directory, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  return std::string(directory == "/" ? "" : directory).append("/").append(path);
}

std::string program_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  if (path.ends_with(".lua")) path.remove_suffix(4);
  return std::string(path);
}

}  // namespace spindle
