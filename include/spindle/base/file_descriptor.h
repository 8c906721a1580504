// FileDescriptor: a descriptor of the host that its scope closes. read_at reads bytes from one.
//
//   const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
//   if (!file.is_open()) return Error{errno, "it cannot be opened"};
//   const std::size_t got = TRY(read_at(file.get(), buffer, offset));
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "spindle/base/result.h"

namespace spindle {

class FileDescriptor {
 public:
  /// Takes over what open(2) and its like returned: none if below 0. Does not change errno.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (is_open()) ::close(fd_);
  }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// Reads from `offset` on until `into` is full or the file ends, and returns how many bytes that
/// were. An error of the host is returned even if some bytes were read before it.
Result<std::size_t> read_at(int fd, std::span<std::byte> into, std::uint64_t offset);

}  // namespace spindle
