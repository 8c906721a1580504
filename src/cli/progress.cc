#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace spindle::cli {

Progress::Progress(std::uint64_t whole, std::string_view what)
    : shown_(::isatty(STDERR_FILENO) == 1),
      whole_(std::max<std::uint64_t>(whole, 1)),
      what_(what) {}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "\r{:75}\r", "");
}

void Progress::at(std::uint64_t done) {
  constexpr std::size_t kWidth = 40;
  const std::uint64_t permille = static_cast<std::uint64_t>(
      1000.0 * static_cast<double>(std::min(done, whole_)) / static_cast<double>(whole_));
  if (!shown_ || permille == last_permille_) return;
  last_permille_ = permille;
  const std::size_t full = kWidth * permille / 1000;
  fmt::print(stderr, "\r[{:<{}}] {:5.1f} %{}{}", std::string(full, '#'), kWidth,
             static_cast<double>(permille) / 10, what_.empty() ? "" : "  ", what_);
  std::fflush(stderr);
}

}  // namespace spindle::cli
