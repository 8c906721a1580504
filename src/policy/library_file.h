// LibraryFile: a shared object on the host, looked at before any of its code runs.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "spindle/base/result.h"

namespace spindle {

/// The path without links and dots, so that it names the same file wherever the process goes;
/// nothing, and errno, if there is no such file.
std::optional<std::string> whole_path_of(std::string_view path);

class LibraryFile {
 public:
  /// Differs if the file was replaced, or written.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const Identity&) const = default;
  };

  /// EINVAL unless it is a file; EACCES unless it belongs to root or to this user, and nobody else
  /// may write it.
  static Result<LibraryFile> open(const std::string& path);
  LibraryFile(LibraryFile&& other) noexcept;
  LibraryFile& operator=(LibraryFile&&) = delete;
  ~LibraryFile();

  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// Loads a copy of it, so that nobody can change what runs. Returns the handle; or null, and says
  /// why.
  [[nodiscard]] void* load(std::string& why) const;

 private:
  LibraryFile(int fd, const Identity& identity) : fd_(fd), identity_(identity) {}

  int fd_;
  Identity identity_;
};

}  // namespace spindle
