// Progress: how far something long has come, on standard error if that is a terminal.
//
//   Progress progress(files.size());
//   for (...) progress.at(++done);
//
// The bar is gone when the object is. One kernel thread at a time.
#pragma once

#include <cstdint>

namespace spindle::cli {

class Progress {
 public:
  explicit Progress(std::uint64_t whole);
  ~Progress();
  void at(std::uint64_t done);

 private:
  bool shown_;
  std::uint64_t whole_;
  std::uint64_t last_permille_ = 1001;
};

}  // namespace spindle::cli
