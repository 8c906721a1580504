#include "spindle/chart/text_style.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>

#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

constexpr std::size_t kNarrowest = 40;
constexpr std::size_t kWidest = 400;
constexpr std::size_t kWidthOfFiles = 100;

}  // namespace

TextStyle terminal_style(int descriptor) {
  TextStyle style;
  std::setlocale(LC_CTYPE, "");
  style.utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  winsize size{};
  const char* columns = std::getenv("COLUMNS");
  style.wraps = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
  if (style.wraps)
    style.width = size.ws_col;
  else
    style.width = columns == nullptr ? kWidthOfFiles : std::strtoul(columns, nullptr, 10);
  style.width = std::clamp(style.width, kNarrowest, kWidest);
  return style;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

std::string padded(std::string_view text, std::size_t width) {
  const std::size_t columns = columns_of(text);
  return std::string(text) + std::string(width - std::min(width, columns), ' ');
}

std::string right_aligned(std::string_view text, std::size_t width) {
  const std::size_t columns = columns_of(text);
  return std::string(width - std::min(width, columns), ' ') + std::string(text);
}

std::string centred(std::string_view text, std::size_t width) {
  const std::size_t columns = columns_of(text);
  const std::size_t left = (width - std::min(width, columns)) / 2;
  return padded(std::string(left, ' ') + std::string(text), width);
}

}  // namespace spindle::chart
