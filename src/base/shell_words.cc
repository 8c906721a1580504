#include "spindle/base/shell_words.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace spindle {
namespace {

// Longer ones first: the first that fits is taken.
constexpr std::array<std::string_view, 10> kOperators = {"2>>", "&&", "||", ">>", "2>",
                                                         ";",   "&",  "|",  "<",  ">"};
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
  const char c = rest_.front();
  if (c == '$' && lookup_) {
    take_variable(word);
    return {};
  }
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

Result<> ShellWords::take_quotation(char quote, std::string& word) {
  while (!rest_.empty() && rest_.front() != quote) {
    if (quote == '"' && rest_.front() == '$' && lookup_) {
      take_variable(word);
      continue;
    }
    const bool escapes = quote == '"' && rest_.size() > 1 && rest_.front() == '\\' &&
                         std::string_view("\\\"$").find(rest_[1]) != std::string_view::npos;
    if (escapes) rest_.remove_prefix(1);
    word += rest_.front();
    rest_.remove_prefix(1);
  }
  if (rest_.empty()) return Error{EINVAL, "a quotation has no end"};
  rest_.remove_prefix(1);
  return {};
}

void ShellWords::take_variable(std::string& word) {
  rest_.remove_prefix(1);
  std::string_view name;
  if (rest_.starts_with('{') && rest_.find('}') != rest_.npos) {
    name = rest_.substr(1, rest_.find('}') - 1);
    rest_.remove_prefix(name.size() + 2);
  } else {
    std::size_t length = 0;
    if (!rest_.empty() && (std::string_view("?!#").find(rest_[0]) != std::string_view::npos ||
                           std::isdigit(static_cast<unsigned char>(rest_[0])) != 0)) {
      length = 1;
    } else {
      while (length < rest_.size() && is_name(rest_[length])) ++length;
    }
    name = rest_.substr(0, length);
    rest_.remove_prefix(length);
  }
  word += name.empty() ? "$" : lookup_(name);
}

std::string quoted_shell_word(std::string_view word) {
  constexpr std::string_view kPlain = "_./-=:,+@%^";
  const auto is_plain = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kPlain.find(c) != kPlain.npos;
  };
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'')
      text += "'\\''";
    else
      text += c;
  }
  return text + "'";
}

}  // namespace spindle
