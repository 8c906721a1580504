#include "spindle/base/shell_words.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace spindle {
namespace {

/// Longer ones first: the first that fits is taken.
constexpr std::array<std::string_view, 12> kOperators = {"1>&2", "2>&1", "2>>", "&&", "||", ">>",
                                                         "2>",   ";",    "&",   "|",  "<",  ">"};
constexpr std::string_view kEndsWord = " \t;&|<>";

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool begins_assignment(std::string_view text) {
  const std::size_t end = text.find('=');
  return end != text.npos && end != 0 && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::ranges::all_of(text.substr(0, end), is_name);
}

}  // namespace

void ShellWords::skip_blanks() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
  if (rest_.starts_with('#')) rest_ = {};
}

std::string ShellWords::take_operator() {
  for (const std::string_view known : kOperators) {
    if (!rest_.starts_with(known)) continue;
    rest_.remove_prefix(known.size());
    return std::string(known);
  }
  return {};
}

Result<std::optional<ShellWord>> ShellWords::next() {
  skip_blanks();
  if (rest_.empty()) return std::optional<ShellWord>();
  ShellWord word;
  word.text = take_operator();
  word.is_operator = !word.text.empty();
  if (word.is_operator) return std::optional(std::move(word));
  word.is_assignment = begins_assignment(rest_);
  while (!rest_.empty() && kEndsWord.find(rest_.front()) == kEndsWord.npos)
    TRY(take_part(word.text));
  return std::optional(std::move(word));
}

Result<> ShellWords::take_part(std::string& word) {
  if (rest_.starts_with("$'")) {
    rest_.remove_prefix(2);
    return take_quotation('$', word);
  }
  const char c = rest_.front();
  rest_.remove_prefix(1);
  if (c == '\'' || c == '"') return take_quotation(c, word);
  if (c != '\\') {
    word += c;
  } else if (!rest_.empty()) {
    word += rest_.front();
    rest_.remove_prefix(1);
  }
  return {};
}

// The quotation mark '$' stands for $'...'.
Result<> ShellWords::take_quotation(char quote, std::string& word) {
  const char end = quote == '$' ? '\'' : quote;
  while (!rest_.empty() && rest_.front() != end) {
    const std::string_view escaped = quote == '"' ? "\\\"$" : quote == '$' ? "\\'n" : "";
    const bool escapes =
        rest_.size() > 1 && rest_.front() == '\\' && escaped.find(rest_[1]) != escaped.npos;
    if (escapes) rest_.remove_prefix(1);
    word += escapes && quote == '$' && rest_.front() == 'n' ? '\n' : rest_.front();
    rest_.remove_prefix(1);
  }
  if (rest_.empty()) return Error{EINVAL, "a quotation has no end"};
  rest_.remove_prefix(1);
  return {};
}

std::string quoted_shell_word(std::string_view word) {
  constexpr std::string_view kPlain = "_./-=:,+@%^";
  const auto is_plain = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kPlain.find(c) != kPlain.npos;
  };
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  // What is read line by line must be one line.
  const bool has_lines = word.find('\n') != word.npos;
  std::string text = has_lines ? "$'" : "'";
  for (const char c : word) {
    if (c == '\n')
      text += "\\n";
    else if (c == '\'' || (c == '\\' && has_lines))
      text += has_lines ? std::string{'\\', c} : "'\\''";
    else
      text += c;
  }
  return text + "'";
}

}  // namespace spindle
