#include "spindle/base/result.h"

#include <cstring>

namespace spindle {

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
  if (*what != '\0') return text + what + " (" + std::strerror(code) + ")";
  return text + std::strerror(code);
}

}  // namespace spindle
