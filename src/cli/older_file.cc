#include "cli/older_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace spindle::cli {

OlderFile::OlderFile(const std::string& path, const std::string& suffix, Complaint& complaint)
    : path_(path), aside_(path + suffix) {
  is_aside_ = std::rename(path_.c_str(), aside_.c_str()) == 0;
  if (!is_aside_ && errno != ENOENT)
    complaint.make(
        fmt::format("{} cannot be put aside as {} ({})", path_, aside_, std::strerror(errno)));
}

OlderFile::~OlderFile() {
  if (is_aside_) std::rename(aside_.c_str(), path_.c_str());
}

void OlderFile::drop() {
  if (is_aside_) std::remove(aside_.c_str());
  is_aside_ = false;
}

}  // namespace spindle::cli
