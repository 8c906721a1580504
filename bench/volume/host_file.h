// A file descriptor that closes itself, and errors of the host as Results.
#pragma once

#include <cerrno>
#include <string>

#include "spindle/base/result.h"

namespace spindle::bench {

/// The error in `errno`.
inline Error host_error(const char* what) {
  return Error{errno != 0 ? errno : EIO, what};
}

class HostFile {
 public:
  static Result<HostFile> open(const std::string& path, int flags);

  HostFile(HostFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  HostFile& operator=(HostFile&&) = delete;
  ~HostFile();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  Result<> sync();
  /// Some file systems say only here that a write has failed.
  Result<> close();

 private:
  explicit HostFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace spindle::bench
