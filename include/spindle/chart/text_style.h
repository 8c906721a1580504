// TextStyle: what the terminal can show: how wide, and whether it knows more than ASCII.
//
// Every picture has two forms of its text: with box drawing characters, and with plain ASCII where
// the locale is not UTF-8. A program asks `terminal_style` once; a test sets what it wants to see.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace spindle::chart {

struct TextStyle {
  std::size_t width = 80;
  bool utf8 = true;
  bool wraps = false;  ///< a terminal, which breaks a line that is longer

  /// `fancy` if the terminal knows UTF-8, otherwise `plain`.
  [[nodiscard]] std::string_view pick(std::string_view fancy, std::string_view plain) const {
    return utf8 ? fancy : plain;
  }
};

/// The style of the terminal behind `descriptor`. A file or a pipe is as wide as COLUMNS says, or
/// else 100 columns.
TextStyle terminal_style(int descriptor);

/// The text `times` times.
std::string repeated(std::string_view text, std::size_t times);
/// The text with blanks up to the width: behind it, before it, or on both sides.
std::string padded(std::string_view text, std::size_t width);
std::string right_aligned(std::string_view text, std::size_t width);
std::string centred(std::string_view text, std::size_t width);

}  // namespace spindle::chart
