#include "bench/volume/host_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace spindle::bench {

Result<HostFile> HostFile::open(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (descriptor < 0) return host_error("a file cannot be opened");
  return HostFile(descriptor);
}

HostFile::~HostFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<> HostFile::sync() {
  if (::fsync(descriptor_) != 0) return host_error("fsync has failed");
  return {};
}

Result<> HostFile::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0) return host_error("close has failed");
  return {};
}

}  // namespace spindle::bench
