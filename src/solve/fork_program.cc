#include "fork_program.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace spindle {
namespace {

constexpr int kDeepestStatement = 100;
/// Statements and expressions times populations.
constexpr std::size_t kMostForkWork = 200'000;
/// The most digits of a number in the program.
constexpr std::size_t kMostDigits = 9;

bool is_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Whether the word stands before a name that is declared, perhaps with others like it.
bool is_type(std::string_view word) {
  constexpr std::string_view kTypes[] = {"int",      "pid_t", "long", "short",
                                         "unsigned", "char",  "const"};
  return std::ranges::find(kTypes, word) != std::end(kTypes);
}

}  // namespace

double ForkProgram::count_of(const Population& population) {
  double sum = 0;
  for (const auto& [variables, count] : population) sum += count;
  return sum;
}

void ForkProgram::join(Population& into, const Population& others) {
  for (const auto& [variables, count] : others) into[variables] += count;
}

void ForkProgram::forget(std::string_view name, Population& population) {
  Population without;
  for (const auto& [variables, count] : population) {
    Variables others = variables;
    if (const auto found = others.find(name); found != others.end()) others.erase(found);
    without[std::move(others)] += count;
  }
  population = std::move(without);
}

bool ForkProgram::run() {
  const std::string_view whole = rest_;
  if (!(take("int") || take("void")) || !take("main") || !take("(") || !skip_to_bracket())
    rest_ = whole;
  while (!at_end()) {
    const std::string_view from = rest_;
    if (!statement(alive_)) return false;
    std::string text(from.substr(0, from.size() - rest_.size()));
    text.erase(text.find_last_not_of("; \t\n") + 1);
    if (!text.empty()) steps_.emplace_back(std::move(text), processes());
  }
  return true;
}

std::string ForkProgram::complaint() const {
  return "not a program of forks" + (why_.empty() ? "" : ": " + why_);
}

bool ForkProgram::fail(std::string why) {
  if (why_.empty()) why_ = std::move(why);
  return false;
}

bool ForkProgram::goes_deeper(const Population& population) {
  work_ += population.size() + 1;
  if (depth_ >= kDeepestStatement || work_ > kMostForkWork)
    return fail("it is too deep, or takes too many steps");
  ++depth_;
  return true;
}

bool ForkProgram::at_end() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  return rest_.empty();
}

bool ForkProgram::take(std::string_view token) {
  if (at_end() || !rest_.starts_with(token)) return false;
  const bool cuts_a_word =
      is_letter(token.back()) && rest_.size() > token.size() && is_letter(rest_[token.size()]);
  if (cuts_a_word) return false;
  rest_.remove_prefix(token.size());
  return true;
}

std::string_view ForkProgram::take_one_of(std::span<const std::string_view> tokens) {
  const auto found = std::ranges::find_if(tokens, [this](std::string_view t) { return take(t); });
  return found == tokens.end() ? std::string_view() : *found;
}

std::optional<std::string_view> ForkProgram::take_word() {
  if (at_end() || std::isdigit(static_cast<unsigned char>(rest_[0])) != 0) return std::nullopt;
  const auto end = std::ranges::find_if_not(rest_, is_letter) - rest_.begin();
  const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end));
  rest_.remove_prefix(word.size());
  return word.empty() ? std::nullopt : std::optional(word);
}

std::optional<long> ForkProgram::take_number() {
  if (at_end()) return std::nullopt;
  const std::string_view digits =
      rest_.substr(0, std::min(rest_.find_first_not_of("0123456789"), rest_.size()));
  // A number that begins with 0 is octal, which nobody means.
  const bool is_octal = digits.size() > 1 && digits[0] == '0';
  if (digits.empty() || digits.size() > kMostDigits || is_octal) return std::nullopt;
  long number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  rest_.remove_prefix(digits.size());
  return number;
}

bool ForkProgram::take_type() {
  bool any = false;
  for (std::string_view before = rest_;; before = rest_, any = true) {
    const auto word = take_word();
    if (word && is_type(*word)) continue;
    rest_ = before;
    return any;
  }
}

bool ForkProgram::skip_quoted() {
  const char quote = rest_[0];
  for (std::size_t i = 1; i < rest_.size(); ++i) {
    if (rest_[i] == '\\')
      ++i;
    else if (rest_[i] == quote)
      return rest_.remove_prefix(i + 1), true;
  }
  return false;
}

std::optional<std::string> ForkProgram::skip_to_bracket() {
  std::string code;
  for (int open = 1; !at_end();) {
    const char c = rest_[0];
    if (c == '"' || c == '\'') {
      if (!skip_quoted()) return std::nullopt;
      continue;
    }
    rest_.remove_prefix(1);
    if (c == '(') ++open;
    if (c == ')' && --open == 0) return code;
    code += c;
  }
  return std::nullopt;
}

bool ForkProgram::statement(Population& population) {
  if (!goes_deeper(population)) return false;
  bool good = true;
  if (take("{")) {
    good = block(population);
  } else if (take("if")) {
    good = branch(population);
  } else if (take("for")) {
    good = for_loop(population);
  } else if (take("while")) {
    good = while_loop(population);
  } else if (take("exit") || take("_exit")) {
    good = take("(") && arguments(population) && end(population);
  } else if (take("return")) {
    good = returned(population) && end(population);
  } else if (take("break")) {
    good = jump(population, &Loop::left);
  } else if (take("continue")) {
    good = jump(population, &Loop::next);
  } else if (!take(";")) {
    good =
        (take_type() ? declaration(population) : expressions(population)) && at_end_of_statement();
  }
  --depth_;
  return good;
}

bool ForkProgram::at_end_of_statement() {
  return at_end() || rest_[0] == '}' || take(";");
}

// One or several expressions with commas between; their values do not matter.
bool ForkProgram::expressions(Population& population) {
  const auto outcome = list(std::move(population));
  if (!outcome) return false;
  population = all_of(*outcome);
  return true;
}

// The names behind a type, perhaps with their first values.
bool ForkProgram::declaration(Population& population) {
  do {
    const auto word = take_word();
    if (!word) return false;
    declared_.emplace_back(*word);
    forget(visible(*word), population);
    if (!take("=")) continue;
    const auto outcome = assigned(*word, "=", std::move(population));
    if (!outcome) return false;
    population = all_of(*outcome);
  } while (take(","));
  return true;
}

// Forgets what was declared since.
void ForkProgram::end_scope(std::size_t declared, Population& population) {
  for (; declared_.size() > declared; declared_.pop_back())
    forget(visible(declared_.back()), population);
}

// A name that hides another has its own variable.
std::string ForkProgram::visible(std::string_view name) const {
  const auto hidden = std::max<std::ptrdiff_t>(std::ranges::count(declared_, name) - 1, 0);
  return std::string(name) + std::string(static_cast<std::size_t>(hidden), '\'');
}

bool ForkProgram::block(Population& population) {
  const std::size_t declared = declared_.size();
  while (!take("}"))
    if (at_end() || !statement(population)) return false;
  end_scope(declared, population);
  return true;
}

bool ForkProgram::branch(Population& population) {
  if (!take("(")) return false;
  auto ways = branches(list(std::move(population)));
  if (!ways || !take(")") || !statement(ways->is_true)) return false;
  if (take("else") && !statement(ways->is_false)) return false;
  population = std::move(ways->is_true);
  join(population, ways->is_false);
  return true;
}

bool ForkProgram::for_loop(Population& population) {
  const std::size_t declared = declared_.size();
  if (!take("(")) return false;
  const bool begins =
      take(";") || ((take_type() ? declaration(population) : expressions(population)) && take(";"));
  if (!begins || !rounds(population, true)) return false;
  end_scope(declared, population);
  return true;
}

bool ForkProgram::while_loop(Population& population) {
  if (!take("(") || at_end()) return false;
  const std::string_view condition = rest_;
  // while (wait(NULL) > 0); makes no process and ends none, however often it goes round.
  if (rest_.starts_with("wait")) {
    const auto code = skip_to_bracket();
    if (code && code->find("fork") == std::string::npos && take(";")) return true;
  }
  rest_ = condition;
  return rounds(population, false);
}

// Reads a loop from its condition on, for as long as that is true for any process. The body is
// read at least once.
bool ForkProgram::rounds(Population& population, bool is_for) {
  const std::string_view condition = rest_;
  std::string_view behind;
  Population finished;
  loops_.emplace_back();
  do {
    rest_ = condition;
    Branches ways;
    if (is_for && take(";")) {
      ways.is_true = std::move(population);
    } else {
      auto known = branches(list(std::move(population)));
      if (!known || !take(is_for ? ";" : ")")) return false;
      ways = std::move(*known);
    }
    join(finished, ways.is_false);
    const std::string_view step = rest_;
    Population nobody;
    if (is_for && !take(")") && !(expressions(nobody) && take(")"))) return false;
    if (!statement(ways.is_true)) return false;
    behind = rest_;
    population = std::move(ways.is_true);
    join(population, std::exchange(loops_.back().next, {}));
    rest_ = step;
    if (is_for && !take(")") && !expressions(population)) return false;
  } while (!population.empty());
  rest_ = behind;
  population = std::move(finished);
  join(population, loops_.back().left);
  loops_.pop_back();
  return true;
}

// break or continue: the processes that come to it go on behind the loop, or with its next round.
bool ForkProgram::jump(Population& population, Population Loop::*where) {
  if (loops_.empty()) return false;
  join(loops_.back().*where, std::exchange(population, {}));
  return at_end_of_statement();
}

// What return gives back; perhaps nothing.
bool ForkProgram::returned(Population& population) {
  return at_end() || rest_[0] == ';' || rest_[0] == '}' || expressions(population);
}

// exit(0); return 0; or return;
bool ForkProgram::end(Population& population) {
  ended_ += count_of(population);
  population.clear();
  return at_end_of_statement();
}

}  // namespace spindle
