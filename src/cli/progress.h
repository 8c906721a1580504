// Progress: how far something long has come, on standard error if that is a terminal.
//
//   Progress progress(files.size());
//   for (...) progress.at(++done);
//
// The bar is gone when the object is. One kernel thread at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace spindle::cli {

class Progress {
 public:
  /// `what` stands behind the bar: what is being done, where that changes.
  explicit Progress(std::uint64_t whole, std::string_view what = {});
  ~Progress();
  void at(std::uint64_t done);

 private:
  bool shown_;
  std::uint64_t whole_;
  std::string_view what_;
  std::uint64_t last_permille_ = 1001;
};

}  // namespace spindle::cli
