#include "lua_pattern.h"

#include <algorithm>
#include <bitset>
#include <cctype>
#include <optional>

namespace spindle {
namespace {

using CharacterSet = std::bitset<256>;

std::size_t index_of(char c) {
  return static_cast<unsigned char>(c);
}

/// %a and the like; any other character stands for itself.
CharacterSet class_of(char letter) {
  const auto of = [](int (*has)(int)) {
    CharacterSet set;
    for (int c = 0; c < 256; ++c) set[static_cast<std::size_t>(c)] = has(c) != 0;
    return set;
  };
  const auto named = [&]() -> std::optional<CharacterSet> {
    switch (std::tolower(static_cast<unsigned char>(letter))) {
      case 'a':
        return of(std::isalpha);
      case 'c':
        return of(std::iscntrl);
      case 'd':
        return of(std::isdigit);
      case 'g':
        return of(std::isgraph);
      case 'l':
        return of(std::islower);
      case 'p':
        return of(std::ispunct);
      case 's':
        return of(std::isspace);
      case 'u':
        return of(std::isupper);
      case 'w':
        return of(std::isalnum);
      case 'x':
        return of(std::isxdigit);
      default:
        return std::nullopt;
    }
  }();
  if (!named) return CharacterSet().set(index_of(letter));
  return std::isupper(static_cast<unsigned char>(letter)) != 0 ? ~*named : *named;
}

/// What is left of a pattern; behind its end it reads 0.
class PatternReader {
 public:
  explicit PatternReader(std::string_view pattern) : left_(pattern) {}
  [[nodiscard]] bool at_end() const { return left_.empty(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return ahead < left_.size() ? left_[ahead] : '\0';
  }
  char take() {
    const char c = peek();
    skip(1);
    return c;
  }
  void skip(std::size_t count) { left_.remove_prefix(std::min(count, left_.size())); }

  /// The rest of "[...]".
  CharacterSet take_set() {
    CharacterSet set;
    const bool is_inverted = peek() == '^';
    if (is_inverted) skip(1);
    do {
      set |= take_member();
    } while (!at_end() && peek() != ']');
    skip(1);
    return is_inverted ? ~set : set;
  }

 private:
  CharacterSet take_member() {
    const char first = take();
    if (first == '%') return class_of(take());
    CharacterSet set;
    if (peek() != '-' || left_.size() < 2 || peek(1) == ']') return set.set(index_of(first));
    const char last = peek(1);
    skip(2);
    for (std::size_t c = index_of(first); c <= index_of(last); ++c) set.set(c);
    return set;
  }

  std::string_view left_;
};

std::size_t longest_run(const CharacterSet& set, std::string_view text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = set[index_of(c)] ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

/// By how much the steps multiply for the item that comes next.
double take_item(PatternReader& pattern, std::string_view text) {
  const auto length = static_cast<double>(text.size());
  const char first = pattern.take();
  CharacterSet set;
  if (first == '%' && pattern.peek() == 'b') {
    pattern.skip(3);
    return 1 + length;
  }
  if (first == '%' && std::isdigit(static_cast<unsigned char>(pattern.peek())) != 0) {
    pattern.skip(1);
    return 1 + length;  // as long as what it stands for
  }
  if (first == '%' && pattern.peek() == 'f') {
    pattern.skip(2);
    static_cast<void>(pattern.take_set());
    return 1;
  }
  if (first == '[')
    set = pattern.take_set();
  else if (first == '%')
    set = class_of(pattern.take());
  else if (first == '.')
    set.set();
  else
    set.set(index_of(first));
  switch (pattern.peek()) {
    case '*':
    case '+':
    case '-':
      pattern.skip(1);
      return 1 + static_cast<double>(longest_run(set, text));
    case '?':
      pattern.skip(1);
      return 2;
    default:
      return 1;
  }
}

}  // namespace

double most_pattern_steps(std::string_view pattern, std::string_view text, double enough) {
  constexpr double kItemsOfStep = 4;
  const bool is_anchored = pattern.starts_with('^');
  const auto length = static_cast<double>(text.size());
  double steps = is_anchored ? 1 : length + 1;
  steps *= 1 + static_cast<double>(pattern.size()) / kItemsOfStep;
  double looked_at = 0;
  PatternReader reader(pattern.substr(is_anchored ? 1 : 0));
  while (!reader.at_end() && steps + looked_at <= enough) {
    const double factor = take_item(reader, text);
    if (factor != 1) looked_at += length;
    steps *= factor;
  }
  return steps + looked_at;
}

}  // namespace spindle
