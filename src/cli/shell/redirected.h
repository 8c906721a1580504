// Redirected: while it lives, descriptors 0 to 9 of this program stand for something else.
//
//   Redirected redirected;
//   TRY(redirected.open(1, "/m/list", O_WRONLY | O_CREAT | O_TRUNC));
//   ... // what is written to 1 goes to the list
#pragma once

#include <map>
#include <string>

#include "spindle/base/result.h"

namespace spindle::cli {

class Redirected {
 public:
  Redirected() = default;
  ~Redirected();
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

  Result<> open(int descriptor, const std::string& path, int flags);
  /// Makes the descriptor the same as `from`.
  Result<> duplicate(int descriptor, int from);
  Result<> close(int descriptor);
  /// What is read from the descriptor is this text.
  Result<> supply(int descriptor, const std::string& text);
  /// The descriptors stay as they are now when the object goes.
  void keep();

 private:
  void save(int descriptor);
  Result<> take(int descriptor, int opened);

  std::map<int, int> saved_;  ///< what a descriptor was before; -1: it was closed
};

}  // namespace spindle::cli
