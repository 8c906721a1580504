// Sentences of any length, in lines of the width of a terminal: 80 columns.
//
//   fmt::print("{}", wrapped_text(sentence, "    ", "      "));
//
// Words are what stands between blanks; one that is longer than a line has a line of its own.
#pragma once

#include <string>
#include <string_view>

namespace spindle {

/// Each line with its end; `first` opens the first line, `rest` the others.
std::string wrapped_text(std::string_view text, std::string_view first, std::string_view rest,
                         std::size_t width = 80);

}  // namespace spindle
