#include "cli/shell/redirected.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace spindle::cli {
namespace {
constexpr int kSavedFrom = 20;  // out of the way of the numbers that are redirected

/// A file that was just opened may have the very number that is to be redirected.
int moved_away(int opened) {
  if (opened < 0) return opened;
  const int moved = ::fcntl(opened, F_DUPFD_CLOEXEC, kSavedFrom);
  ::close(opened);
  return moved;
}
}  // namespace

Redirected::~Redirected() {
  for (const auto& [descriptor, saved] : saved_) {
    if (saved >= 0) {
      ::dup2(saved, descriptor);
      ::close(saved);
    } else {
      ::close(descriptor);
    }
  }
}

void Redirected::keep() {
  for (const auto& [descriptor, saved] : saved_)
    if (saved >= 0) ::close(saved);
  saved_.clear();
}

void Redirected::save(int descriptor) {
  if (!saved_.contains(descriptor))
    saved_[descriptor] = ::fcntl(descriptor, F_DUPFD_CLOEXEC, kSavedFrom);
}

Result<> Redirected::take(int descriptor, int opened) {
  save(descriptor);
  if (::dup2(opened, descriptor) < 0) return Error{errno, "it cannot be redirected"};
  return {};
}

Result<> Redirected::open(int descriptor, const std::string& path, int flags) {
  const int opened = moved_away(::open(path.c_str(), flags | O_CLOEXEC, 0666));
  if (opened < 0) return Error{errno, "it cannot be opened"};
  const Result<> taken = take(descriptor, opened);
  ::close(opened);
  return taken;
}

Result<> Redirected::duplicate(int descriptor, int from) {
  return take(descriptor, from);
}

Result<> Redirected::close(int descriptor) {
  save(descriptor);
  ::close(descriptor);
  return {};
}

Result<> Redirected::supply(int descriptor, const std::string& text) {
  const int opened = moved_away(::memfd_create("here-document", MFD_CLOEXEC));
  if (opened < 0) return Error{errno, "there is no room for the here-document"};
  const bool is_written =
      ::pwrite(opened, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  const Result<> taken =
      is_written ? take(descriptor, opened) : Error{EIO, "the here-document cannot be kept"};
  ::close(opened);
  return taken;
}

}  // namespace spindle::cli
