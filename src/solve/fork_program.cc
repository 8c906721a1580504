#include "fork_program.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace spindle {
namespace {

constexpr int kDeepest = 100;
constexpr long kMostRounds = 1000;
/// Statements and expressions times populations.
constexpr std::size_t kMostForkWork = 200'000;

bool is_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// What makes no process and ends none.
bool changes_nothing(std::string_view name) {
  constexpr std::string_view kNames[] = {"wait",  "waitpid", "printf", "puts",
                                         "sleep", "getpid",  "fflush", "getppid"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

/// Whether the word stands before a name that is declared.
bool is_type(std::string_view word) {
  return word == "int" || word == "pid_t" || word == "long" || word == "unsigned";
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

bool ForkProgram::run() {
  const std::string_view whole = rest_;
  if (!(take("int") || take("void")) || !take("main") || !take("(") || !skip_arguments())
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

std::optional<std::string_view> ForkProgram::take_word() {
  if (at_end() || std::isdigit(static_cast<unsigned char>(rest_[0])) != 0) return std::nullopt;
  const auto end = std::ranges::find_if_not(rest_, is_letter) - rest_.begin();
  const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end));
  rest_.remove_prefix(word.size());
  return word.empty() ? std::nullopt : std::optional(word);
}

std::optional<long> ForkProgram::take_number() {
  if (at_end()) return std::nullopt;
  long number = 0;
  const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
  if (error != std::errc()) return std::nullopt;
  rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
  return number;
}

bool ForkProgram::skip_arguments() {
  bool in_text = false;
  for (int open = 1; !rest_.empty();) {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    if (in_text && c == '\\' && !rest_.empty())
      rest_.remove_prefix(1);
    else if (c == '"')
      in_text = !in_text;
    else if (!in_text && c == '(')
      ++open;
    else if (!in_text && c == ')' && --open == 0)
      return true;
  }
  return false;
}

bool ForkProgram::statement(Population& population) {
  work_ += population.size() + 1;
  if (depth_ >= kDeepest || work_ > kMostForkWork) return false;
  ++depth_;
  bool good = true;
  if (take("{")) {
    good = block(population);
  } else if (take("if")) {
    good = branch(population);
  } else if (take("for")) {
    good = loop(population);
  } else if (take("exit") || take("_exit") || take("return")) {
    good = end(population);
  } else if (take("break")) {
    good = jump(population, &Loop::left);
  } else if (take("continue")) {
    good = jump(population, &Loop::next);
  } else if (!take(";")) {
    good = expressions(population);
  }
  --depth_;
  return good;
}

bool ForkProgram::at_end_of_statement() {
  return at_end() || rest_[0] == '}' || take(";");
}

/// One or several with commas between; their values do not matter.
bool ForkProgram::expressions(Population& population) {
  do {
    const auto outcome = either(population);
    if (!outcome) return false;
    population = outcome->is_true;
    join(population, outcome->is_false);
  } while (take(","));
  return at_end_of_statement();
}

bool ForkProgram::block(Population& population) {
  while (!take("}"))
    if (at_end() || !statement(population)) return false;
  return true;
}

bool ForkProgram::branch(Population& population) {
  if (!take("(")) return false;
  std::optional<Outcome> outcome = either(population);
  if (!outcome || !take(")") || !statement(outcome->is_true)) return false;
  if (take("else") && !statement(outcome->is_false)) return false;
  population = std::move(outcome->is_true);
  join(population, outcome->is_false);
  return true;
}

bool ForkProgram::loop(Population& population) {
  const std::optional<long> count = rounds();
  if (!count) return false;
  const std::string_view body = rest_;
  // Without a round the body must be read all the same.
  Population nobody;
  Population& inside = *count == 0 ? nobody : population;
  loops_.emplace_back();
  for (long round = 0; round < std::max(*count, 1L); ++round) {
    rest_ = body;
    if (!statement(inside)) return false;
    join(inside, std::exchange(loops_.back().next, {}));
  }
  join(inside, loops_.back().left);
  loops_.pop_back();
  return true;
}

/// break or continue: those who come to it go on behind the loop, or with its next round.
bool ForkProgram::jump(Population& population, Population Loop::*where) {
  if (loops_.empty()) return false;
  join(loops_.back().*where, std::exchange(population, {}));
  return at_end_of_statement();
}

/// "(i = 0; i < 3; i++)": how often.
std::optional<long> ForkProgram::rounds() {
  if (!take("(")) return std::nullopt;
  auto name = take_word();
  if (name && is_type(*name)) name = take_word();
  if (!name || !take("=")) return std::nullopt;
  const auto first = take_number();
  if (!first || !take(";") || !take(*name)) return std::nullopt;
  const bool up_to = take("<=");
  if (!up_to && !take("<") && !take("!=")) return std::nullopt;
  const auto last = take_number();
  if (!last || !take(";")) return std::nullopt;
  const bool counts = take("++") ? take(*name) : take(*name) && (take("++") || take("+=1"));
  if (!counts || !take(")")) return std::nullopt;
  const long count = std::max(*last - *first + (up_to ? 1 : 0), 0L);
  return count <= kMostRounds ? std::optional(count) : std::nullopt;
}

/// exit(0); return 0; or return;
bool ForkProgram::end(Population& population) {
  if (take("(") ? !skip_arguments() : (take_number(), false)) return false;
  ended_ += count_of(population);
  population.clear();
  return at_end_of_statement();
}

/// a || b: b is for those who see a false.
std::optional<ForkProgram::Outcome> ForkProgram::either(Population population) {
  std::optional<Outcome> left = both(std::move(population));
  while (left && take("||")) {
    const std::optional<Outcome> right = both(std::move(left->is_false));
    if (!right) return std::nullopt;
    join(left->is_true, right->is_true);
    left->is_false = right->is_false;
  }
  return left;
}

/// a && b: b is for those who see a true.
std::optional<ForkProgram::Outcome> ForkProgram::both(Population population) {
  std::optional<Outcome> left = compared(std::move(population));
  while (left && take("&&")) {
    const std::optional<Outcome> right = compared(std::move(left->is_true));
    if (!right) return std::nullopt;
    left->is_true = right->is_true;
    join(left->is_false, right->is_false);
  }
  return left;
}

/// What a fork returns is 0 in the child, and above it in the parent.
std::optional<ForkProgram::Outcome> ForkProgram::compared(Population population) {
  std::optional<Outcome> outcome = single(std::move(population));
  if (!outcome) return std::nullopt;
  std::string_view sign;
  for (std::string_view each : {"==", "!=", ">=", "<=", ">", "<"})
    if (sign.empty() && take(each)) sign = each;
  if (sign.empty()) return outcome;
  const std::optional<long> number = take_number();
  if (!number || *number < -1 || *number > 0) return std::nullopt;
  const auto holds = [&](long value) {
    if (value == *number) return sign.ends_with("=") && sign != "!=";
    return sign == "!=" || sign[0] == (value < *number ? '<' : '>');
  };
  Outcome result;
  join(holds(1) ? result.is_true : result.is_false, outcome->is_true);
  join(holds(0) ? result.is_true : result.is_false, outcome->is_false);
  return result;
}

std::optional<ForkProgram::Outcome> ForkProgram::single(Population population) {
  work_ += population.size() + 1;
  if (depth_ >= kDeepest || work_ > kMostForkWork) return std::nullopt;
  ++depth_;
  std::optional<Outcome> outcome;
  if (take("!")) {
    outcome = single(std::move(population));
    if (outcome) std::swap(outcome->is_true, outcome->is_false);
  } else if (take("(")) {
    outcome = either(std::move(population));
    if (!take(")")) outcome.reset();
  } else if (const auto number = take_number()) {
    outcome =
        *number != 0 ? Outcome{std::move(population), {}} : Outcome{{}, std::move(population)};
  } else if (auto name = take_word()) {
    if (is_type(*name)) name = take_word();
    if (name) outcome = named(*name, std::move(population));
  }
  --depth_;
  return outcome;
}

/// A fork, a call that changes nothing, a variable, or what it gets.
std::optional<ForkProgram::Outcome> ForkProgram::named(std::string_view name,
                                                       Population population) {
  if (name == "fork") {
    if (!take("(") || !take(")")) return std::nullopt;
    return Outcome{population, population};
  }
  if (take("(")) {
    const bool leaves = name.starts_with("exec");
    if (!(leaves || changes_nothing(name)) || !skip_arguments()) return std::nullopt;
    if (leaves) {
      ended_ += count_of(population);
      return Outcome{};
    }
    return Outcome{std::move(population), {}};
  }
  Outcome outcome;
  if (!at_end() && !rest_.starts_with("==") && take("=")) {
    const std::optional<Outcome> value = either(std::move(population));
    if (!value) return std::nullopt;
    for (const bool is_true : {true, false})
      for (const auto& [variables, count] : is_true ? value->is_true : value->is_false) {
        Variables now = variables;
        now[std::string(name)] = is_true;
        (is_true ? outcome.is_true : outcome.is_false)[std::move(now)] += count;
      }
    return outcome;
  }
  for (const auto& [variables, count] : population) {
    const auto found = variables.find(name);
    const bool is_true = found != variables.end() && found->second;
    (is_true ? outcome.is_true : outcome.is_false)[variables] += count;
  }
  return outcome;
}

}  // namespace spindle
