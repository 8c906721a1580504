#include "spindle/base/result.h"

#include <cstring>

namespace spindle {
namespace {

/// The C library's words for ETIMEDOUT speak of a connection, and what takes too long here has
/// none.
const char* words_of(int code) {
  return code == ETIMEDOUT ? "Timed out" : std::strerror(code);
}

}  // namespace

std::string Error::describe() const {
  std::string text;
  switch (subject.kind) {
    case Subject::Kind::kNone:
      break;
    case Subject::Kind::kBlock:
      text = "block " + std::to_string(subject.number) + ": ";
      break;
    case Subject::Kind::kInode:
      text = "inode " + std::to_string(subject.number) + ": ";
      break;
    case Subject::Kind::kByte:
      text = "byte " + std::to_string(subject.number) + ": ";
      break;
  }
  if (*what != '\0') return text + what + " (" + words_of(code) + ")";
  return text + words_of(code);
}

}  // namespace spindle
