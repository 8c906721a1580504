#include "cli/shell/expansion.h"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>

#include "cli/shell/syntax.h"

namespace spindle::cli {
namespace {

constexpr int kDeepestWord = 50;

bool is_special(char c) {
  return std::string_view("?!#@*$-0123456789").find(c) != std::string_view::npos;
}

std::size_t name_length(std::string_view text) {
  if (!text.empty() && is_special(text[0])) return 1;
  std::size_t length = 0;
  while (length < text.size() && is_variable_name(text.substr(0, length + 1))) ++length;
  return length;
}

/// The length of the part that begins with an opening sign at `begin`, with both signs.
std::size_t enclosed_length(std::string_view text, std::size_t begin, char open, char close) {
  int depth = 0;
  char quote = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'') {
      ++i;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (open == '{' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == open) {
      ++depth;
    } else if (c == close && --depth == 0) {
      return i + 1;
    }
  }
  return text.size();
}

bool fits(const std::string& pattern, std::string_view text) {
  return ::fnmatch(pattern.c_str(), std::string(text).c_str(), 0) == 0;
}

/// What is left of the value without the shortest or longest beginning (#) or end (%) that the
/// pattern fits.
std::string cut(std::string_view value, const std::string& pattern, bool is_beginning,
                bool is_longest) {
  const std::size_t size = value.size();
  for (std::size_t i = 0; i <= size; ++i) {
    const std::size_t length = is_longest ? size - i : i;
    const auto part = is_beginning ? value.substr(0, length) : value.substr(size - length);
    if (!fits(pattern, part)) continue;
    return std::string(is_beginning ? value.substr(length) : value.substr(0, size - length));
  }
  return std::string(value);
}

}  // namespace

void ShellExpansion::start() {
  done_.clear();
  field_ = {};
}

Result<std::vector<std::string>> ShellExpansion::fields(std::string_view word) {
  start();
  is_parted_ = true;
  TRY(expand(word, Place::kPlain));
  end_field();
  std::vector<std::string> words;
  for (const Field& field : done_) {
    std::vector<std::string> names;
    if (field.is_pattern) names = scope_.names(field.pattern);
    if (names.empty())
      words.push_back(field.text);
    else
      words.insert(words.end(), names.begin(), names.end());
  }
  return words;
}

Result<std::vector<std::string>> ShellExpansion::fields(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const std::string& word : words) {
    auto some = TRY(fields(word));
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  return all;
}

Result<std::string> ShellExpansion::text(std::string_view word) {
  start();
  is_parted_ = false;
  TRY(expand(word, Place::kPlain));
  return std::move(field_.text);
}

Result<std::string> ShellExpansion::pattern(std::string_view word) {
  start();
  is_parted_ = false;
  TRY(expand(word, Place::kPlain));
  return std::move(field_.pattern);
}

Result<std::string> ShellExpansion::document(std::string_view text) {
  start();
  is_parted_ = false;
  TRY(expand(text, Place::kDocument));
  return std::move(field_.text);
}

void ShellExpansion::add(std::string_view text, Place place) {
  const bool is_quoted = place != Place::kPlain;
  field_.is_there = field_.is_there || is_quoted || !text.empty();
  for (const char c : text) {
    field_.text += c;
    const bool is_sign = std::string_view("*?[]\\").find(c) != std::string_view::npos;
    if (is_quoted && (is_sign || c == '!' || c == '-')) field_.pattern += '\\';
    field_.pattern += c;
    field_.is_pattern = field_.is_pattern || (!is_quoted && is_sign && c != ']');
  }
}

void ShellExpansion::end_field() {
  if (field_.is_there) done_.push_back(std::move(field_));
  field_ = {};
}

void ShellExpansion::add_value(std::string_view text, Place place) {
  if (place == Place::kPlain && is_parted_) return add_parted(text);
  add(text, place);
}

// A field ends at each character of IFS; one that
// is not a blank ends an empty field, too.
void ShellExpansion::add_parted(std::string_view text) {
  const std::string separators = scope_.variable("IFS").value_or(" \t\n");
  for (const char c : text) {
    if (separators.find(c) == std::string::npos) {
      add({&c, 1}, Place::kPlain);
      continue;
    }
    if (std::isspace(static_cast<unsigned char>(c)) == 0) field_.is_there = true;
    end_field();
  }
}

Result<> ShellExpansion::expand(std::string_view word, Place place) {
  if (++depth_ > kDeepestWord) return Error{EINVAL, "words are nested too deeply"};
  if (place == Place::kPlain) take_tilde(word);
  while (!word.empty()) {
    const char c = word.front();
    if (c == '$') {
      TRY(take_dollar(word, place));
    } else if (c == '`') {
      TRY(take_backquotes(word, place));
    } else if (c == '\\') {
      TRY(take_escape(word, place));
    } else if (place == Place::kPlain && (c == '"' || c == '\'')) {
      TRY(take_quoted(word));
    } else {
      add(word.substr(0, 1), place);
      word.remove_prefix(1);
    }
  }
  --depth_;
  return {};
}

void ShellExpansion::take_tilde(std::string_view& rest) {
  if (!rest.starts_with('~') || (rest.size() > 1 && rest[1] != '/') || depth_ != 1) return;
  add(scope_.variable("HOME").value_or("/"), Place::kQuoted);
  rest.remove_prefix(1);
}

Result<> ShellExpansion::take_escape(std::string_view& rest, Place place) {
  rest.remove_prefix(1);
  if (rest.empty()) {
    add("\\", Place::kQuoted);
    return {};
  }
  const std::string_view escaped = place == Place::kQuoted ? "\\\"$`\n" : "\\$`\n";
  const bool escapes = place == Place::kPlain || escaped.find(rest[0]) != escaped.npos;
  if (!escapes) add("\\", Place::kQuoted);
  if (rest[0] != '\n' || !escapes) add(rest.substr(0, 1), Place::kQuoted);
  rest.remove_prefix(1);
  return {};
}

// Takes '...' or "...", which `rest` begins with.
Result<> ShellExpansion::take_quoted(std::string_view& rest) {
  const char quote = rest.front();
  rest.remove_prefix(1);
  field_.is_there = field_.is_there || rest != "$@\"";  // "$@" without arguments is no field
  if (quote == '\'') {
    const std::size_t end = std::min(rest.find('\''), rest.size());
    add(rest.substr(0, end), Place::kQuoted);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return {};
  }
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '$') {
      TRY(take_dollar(rest, Place::kQuoted));
    } else if (rest.front() == '`') {
      TRY(take_backquotes(rest, Place::kQuoted));
    } else if (rest.front() == '\\') {
      TRY(take_escape(rest, Place::kQuoted));
    } else {
      add(rest.substr(0, 1), Place::kQuoted);
      rest.remove_prefix(1);
    }
  }
  rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
  return {};
}

Result<> ShellExpansion::take_dollar(std::string_view& rest, Place place) {
  if (rest.starts_with("$((")) {
    const std::size_t length = enclosed_length(rest, 1, '(', ')');
    const std::string_view body = rest.substr(3, std::max<std::size_t>(length, 5) - 5);
    rest.remove_prefix(length);
    return take_arithmetic(body, place);
  }
  if (rest.starts_with("$(")) {
    const std::size_t length = TRY(ShellParser::substitution_length(rest));
    const std::string output = TRY(scope_.output_of(std::string(rest.substr(2, length - 3))));
    rest.remove_prefix(length);
    add_value(output, place);
    return {};
  }
  if (rest.starts_with("${")) {
    const std::size_t length = enclosed_length(rest, 1, '{', '}');
    const std::string_view body = rest.substr(2, length - 3);
    rest.remove_prefix(length);
    return take_braces(body, place);
  }
  const std::size_t length = name_length(rest.substr(1));
  const std::string_view name = rest.substr(1, length);
  rest.remove_prefix(length + 1);
  if (length != 0) return take_parameter(name, place);
  add("$", place);
  return {};
}

Result<> ShellExpansion::take_backquotes(std::string_view& rest, Place place) {
  std::string commands;
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '`'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '`' || rest[i + 1] == '\\')) ++i;
    commands += rest[i];
  }
  rest.remove_prefix(std::min(i + 1, rest.size()));
  const std::string output = TRY(scope_.output_of(commands));
  add_value(output, place);
  return {};
}

// In the text, variables may stand by their names or with dollars.
Result<> ShellExpansion::take_arithmetic(std::string_view text, Place place) {
  ShellExpansion inner(scope_);
  inner.depth_ = depth_;
  const std::string plain = TRY(inner.document(text));
  const ArithmeticVariables variables = {
      .value = [this](std::string_view name) { return scope_.variable(name).value_or(""); },
      .set = [this](std::string_view name,
                    std::string value) { (void)scope_.set_variable(name, std::move(value)); }};
  add(std::to_string(TRY(evaluate_arithmetic(plain, variables))), place);
  return {};
}

Result<std::optional<std::string>> ShellExpansion::value_of(std::string_view name) const {
  if (name == "@" || name == "*") {
    std::string all;
    for (const std::string& argument : scope_.positional()) {
      if (!all.empty()) all += ' ';
      all += argument;
    }
    if (scope_.positional().empty()) return std::optional<std::string>();
    return std::optional(std::move(all));
  }
  return scope_.variable(name);
}

void ShellExpansion::take_all_arguments(std::string_view name, Place place) {
  const bool is_one_word = name == "*" && place != Place::kPlain;
  const auto& all = scope_.positional();
  const std::string separators = scope_.variable("IFS").value_or(" ");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i != 0 && is_parted_ && !is_one_word) end_field();
    if (i != 0 && (!is_parted_ || is_one_word)) add(separators.substr(0, 1), Place::kQuoted);
    add_value(all[i], place);
  }
}

Result<> ShellExpansion::take_parameter(std::string_view name, Place place) {
  if (name == "@" || name == "*") {
    take_all_arguments(name, place);
    return {};
  }
  const auto value = TRY(value_of(name));
  if (!value && scope_.wants_variables()) return Error{EINVAL, "a variable is not set (set -u)"};
  if (!value) return {};
  add_value(*value, place);
  return {};
}

// Takes what stands between ${ and }.
Result<> ShellExpansion::take_braces(std::string_view body, Place place) {
  if (body.size() > 1 && body[0] == '#') {
    const std::string_view name = body.substr(1);
    if (name_length(name) != name.size()) return Error{EINVAL, "${#...} lacks a name"};
    const auto value = TRY(value_of(name));
    add(std::to_string(value.value_or("").size()), place);
    return {};
  }
  std::size_t length = name_length(body);
  while (length != 0 && std::isdigit(static_cast<unsigned char>(body[0])) != 0 &&
         length < body.size() && std::isdigit(static_cast<unsigned char>(body[length])) != 0)
    ++length;
  if (length == 0) return Error{EINVAL, "${...} lacks a name"};
  if (length == body.size()) return take_parameter(body, place);
  return take_changed(body.substr(0, length), body.substr(length), place);
}

// Takes ${NAME-WORD} and its like: - gives the word where the variable is not set, = also sets it,
// ? is an error then, and + gives the word where it is set. With a colon, empty is as not set.
Result<> ShellExpansion::take_changed(std::string_view name, std::string_view change, Place place) {
  const auto value = TRY(value_of(name));
  const bool counts_empty = change.starts_with(':');
  const std::string_view sign = change.substr(counts_empty ? 1 : 0);
  const char way = sign.empty() ? ' ' : sign.front();
  if (!counts_empty && (way == '#' || way == '%'))
    return take_cut(value.value_or(""), change, place);
  const bool is_there = value && !(counts_empty && value->empty());
  const std::string_view word = sign.substr(std::min<std::size_t>(1, sign.size()));
  const Place inner_place = place == Place::kPlain ? Place::kPlain : Place::kQuoted;
  switch (way) {
    case '-':
      return is_there ? take_parameter(name, place) : expand(word, inner_place);
    case '+':
      return is_there ? expand(word, inner_place) : Result<>();
    case '?':
      if (!is_there) return Error{EINVAL, "a variable is not set (${NAME?})"};
      return take_parameter(name, place);
    case '=': {
      if (!is_there) {
        ShellExpansion inner(scope_);
        inner.depth_ = depth_;
        const std::string assigned = TRY(inner.text(word));
        TRY(scope_.set_variable(name, assigned));
      }
      return take_parameter(name, place);
    }
    default:
      return Error{EINVAL,
                   "of ${...} there are here ${#A} ${A-b} ${A=b} ${A?b} ${A+b} ${A#b} ${A%b}"};
  }
}

Result<> ShellExpansion::take_cut(std::string_view value, std::string_view change, Place place) {
  const bool is_longest = change.size() > 1 && change[1] == change[0];
  ShellExpansion inner(scope_);
  inner.depth_ = depth_;
  const std::string pattern = TRY(inner.pattern(change.substr(is_longest ? 2 : 1)));
  const std::string left = cut(value, pattern, change[0] == '#', is_longest);
  add_value(left, place);
  return {};
}

}  // namespace spindle::cli
