// The values of a fork program's expressions, and which processes see them.

#include <algorithm>
#include <cstdlib>

#include "fork_program.h"

namespace spindle {
namespace {

constexpr long kLargestNumber = 1'000'000'000;

/// Operators of one rank, the longer of two that begin alike first. A later rank binds more
/// tightly; logical operators bind less tightly than all of them.
constexpr std::string_view kEqualities[] = {"==", "!="};
constexpr std::string_view kOrders[] = {"<=", ">=", "<", ">"};
constexpr std::string_view kSums[] = {"+", "-"};
constexpr std::string_view kProducts[] = {"*", "/", "%"};
constexpr std::span<const std::string_view> kRanks[] = {kEqualities, kOrders, kSums, kProducts};
constexpr std::string_view kSteps[] = {"++", "--"};
constexpr std::string_view kAssignments[] = {"=", "+=", "-=", "*=", "/=", "%="};

struct NamedNumber {
  std::string_view name;
  long number = 0;
};
constexpr NamedNumber kNamedNumbers[] = {{"NULL", 0},         {"true", 1},         {"false", 0},
                                         {"EXIT_SUCCESS", 0}, {"EXIT_FAILURE", 1}, {"WNOHANG", 1}};

bool is_keyword(std::string_view word) {
  constexpr std::string_view kKeywords[] = {"else",    "do",     "switch", "case",
                                            "default", "goto",   "if",     "for",
                                            "while",   "return", "break",  "continue"};
  return std::ranges::find(kKeywords, word) != std::end(kKeywords);
}

bool is_exec(std::string_view name) {
  constexpr std::string_view kNames[] = {"execl", "execlp", "execle", "execv", "execvp", "execve"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

/// Whether the code may have side effects.
bool has_effects(std::string_view code) {
  constexpr std::string_view kEffects[] = {"fork", "exec", "exit", "=", "&", "++", "--"};
  return std::ranges::any_of(kEffects, [code](std::string_view effect) {
    return code.find(effect) != std::string_view::npos;
  });
}

}  // namespace

ForkProgram::Population ForkProgram::all_of(const Outcome& outcome) {
  Population all;
  for (const auto& [value, population] : outcome) join(all, population);
  return all;
}

std::optional<bool> ForkProgram::truth_of(const Value& value) {
  if (value.kind == Value::Kind::kUnknown) return std::nullopt;
  return value.kind != Value::Kind::kNumber || value.number != 0;
}

// Nothing if the answer is not known: a fork returns a number above 0, but nobody can say which.
std::optional<bool> ForkProgram::compared(std::string_view sign, Value left, Value right) {
  using Kind = Value::Kind;
  if (left.kind == Kind::kNotZero && right == Value{} && (sign == "==" || sign == "!="))
    return sign == "!=";
  if (left.kind == Kind::kPositive && right.kind == Kind::kNumber && right.number <= 0)
    left = {Kind::kNumber, 1};
  else if (right.kind == Kind::kPositive && left.kind == Kind::kNumber && left.number <= 0)
    right = {Kind::kNumber, 1};
  if (left.kind != Kind::kNumber || right.kind != Kind::kNumber) return std::nullopt;
  if (sign == "==") return left.number == right.number;
  if (sign == "!=") return left.number != right.number;
  if (sign == "<") return left.number < right.number;
  if (sign == "<=") return left.number <= right.number;
  return sign == ">" ? left.number > right.number : left.number >= right.number;
}

// Nothing where C does not define it, or where it is too large.
std::optional<ForkProgram::Value> ForkProgram::calculated(std::string_view sign, const Value& left,
                                                          const Value& right) {
  using Kind = Value::Kind;
  if (std::string_view("=!<>").find(sign[0]) != std::string_view::npos) {
    const auto truth = compared(sign, left, right);
    return truth ? Value{Kind::kNumber, *truth ? 1 : 0} : Value{Kind::kUnknown};
  }
  if (left.kind != Kind::kNumber || right.kind != Kind::kNumber) return Value{Kind::kUnknown};
  if ((sign == "/" || sign == "%") && right.number == 0) return std::nullopt;
  const long number = sign == "+"   ? left.number + right.number
                      : sign == "-" ? left.number - right.number
                      : sign == "*" ? left.number * right.number
                      : sign == "/" ? left.number / right.number
                                    : left.number % right.number;
  return std::labs(number) <= kLargestNumber ? std::optional(Value{Kind::kNumber, number})
                                             : std::nullopt;
}

std::optional<ForkProgram::Branches> ForkProgram::branches(const std::optional<Outcome>& outcome) {
  if (!outcome) return std::nullopt;
  Branches ways;
  for (const auto& [value, population] : *outcome) {
    const auto truth = truth_of(value);
    if (!truth && !population.empty()) {
      fail("its way depends on a number that is not known");
      return std::nullopt;
    }
    join(truth.value_or(false) ? ways.is_true : ways.is_false, population);
  }
  return ways;
}

// Reads arguments, behind the bracket that opens them. If they have no side effects they are
// skipped, whatever they are.
bool ForkProgram::arguments(Population& population) {
  const std::string_view from = rest_;
  const auto code = skip_to_bracket();
  if (!code) return false;
  if (!has_effects(*code)) return true;
  rest_ = from;
  do {
    if (!argument(population)) return false;
  } while (take(","));
  return take(")");
}

bool ForkProgram::argument(Population& population) {
  if (at_end()) return false;
  if (rest_[0] == '"' || rest_[0] == '\'') {
    while (!at_end() && rest_[0] == '"')
      if (!skip_quoted()) return false;
    return at_end() || rest_[0] != '\'' || skip_quoted();
  }
  if (take("&")) {
    const auto name = take_word();
    if (name) forget(visible(*name), population);
    return name.has_value();
  }
  const auto outcome = chosen(std::move(population));
  if (!outcome) return false;
  population = all_of(*outcome);
  return true;
}

// Expressions with commas between: the value of the last.
std::optional<ForkProgram::Outcome> ForkProgram::list(Population population) {
  std::optional<Outcome> outcome = chosen(std::move(population));
  while (outcome && take(",")) outcome = chosen(all_of(*outcome));
  return outcome;
}

// a ? b : c.
std::optional<ForkProgram::Outcome> ForkProgram::chosen(Population population) {
  std::optional<Outcome> outcome = either(std::move(population));
  if (!outcome || !take("?")) return outcome;
  const auto ways = branches(outcome);
  if (!ways) return std::nullopt;
  outcome = list(ways->is_true);
  if (!outcome || !take(":")) return std::nullopt;
  const auto otherwise = chosen(ways->is_false);
  if (!otherwise) return std::nullopt;
  for (const auto& [value, others] : *otherwise) join((*outcome)[value], others);
  return outcome;
}

// a || b: only the processes that see a false evaluate b.
std::optional<ForkProgram::Outcome> ForkProgram::either(Population population) {
  std::optional<Outcome> left = both(std::move(population));
  while (left && take("||")) {
    auto ways = branches(left);
    if (!ways) return std::nullopt;
    const auto right = branches(both(std::move(ways->is_false)));
    if (!right) return std::nullopt;
    join(ways->is_true, right->is_true);
    left = as_outcome({ways->is_true, right->is_false});
  }
  return left;
}

// a && b: only the processes that see a true evaluate b.
std::optional<ForkProgram::Outcome> ForkProgram::both(Population population) {
  std::optional<Outcome> left = operation(0, std::move(population));
  while (left && take("&&")) {
    auto ways = branches(left);
    if (!ways) return std::nullopt;
    const auto right = branches(operation(0, std::move(ways->is_true)));
    if (!right) return std::nullopt;
    join(ways->is_false, right->is_false);
    left = as_outcome({right->is_true, ways->is_false});
  }
  return left;
}

ForkProgram::Outcome ForkProgram::as_outcome(const Branches& ways) {
  Outcome outcome;
  if (!ways.is_true.empty()) outcome[{Value::Kind::kNumber, 1}] = ways.is_true;
  if (!ways.is_false.empty()) outcome[{Value::Kind::kNumber, 0}] = ways.is_false;
  return outcome;
}

// Operands with signs of this rank between them.
std::optional<ForkProgram::Outcome> ForkProgram::operation(std::size_t rank,
                                                           Population population) {
  if (rank == std::size(kRanks)) return single(std::move(population));
  std::optional<Outcome> left = operation(rank + 1, std::move(population));
  for (std::string_view sign; left && !(sign = take_one_of(kRanks[rank])).empty();)
    left = with_right_side(rank, sign, *left);
  return left;
}

// Reads the right side anew for each value of the left one, for the processes that see it.
std::optional<ForkProgram::Outcome> ForkProgram::with_right_side(std::size_t rank,
                                                                 std::string_view sign,
                                                                 Outcome left) {
  const std::string_view from = rest_;
  if (left.empty()) left[Value{}];
  Outcome result;
  for (const auto& [value, population] : left) {
    rest_ = from;
    const auto right = operation(rank + 1, population);
    if (!right) return std::nullopt;
    for (const auto& [other, those] : *right) {
      const auto both_sides = calculated(sign, value, other);
      if (!both_sides) return std::nullopt;
      join(result[*both_sides], those);
    }
  }
  return result;
}

std::optional<ForkProgram::Outcome> ForkProgram::single(Population population) {
  if (!goes_deeper(population)) return std::nullopt;
  std::optional<Outcome> outcome;
  if (take("!")) {
    const auto ways = branches(single(std::move(population)));
    if (ways) outcome = as_outcome({ways->is_false, ways->is_true});
  } else if (const auto step = take_one_of(kSteps); !step.empty()) {
    if (const auto name = take_word())
      outcome = stepped(*name, step == "++" ? 1 : -1, true, population);
  } else if (take("-")) {
    outcome = with_right_side(std::size(kRanks) - 1, "-", {{Value{}, std::move(population)}});
  } else if (take("(")) {
    const bool is_cast = take_type();
    if (!is_cast) outcome = list(std::move(population));
    if (!take(")"))
      outcome.reset();
    else if (is_cast)
      outcome = single(std::move(population));
  } else if (const auto number = take_number()) {
    outcome = Outcome{{{Value::Kind::kNumber, *number}, std::move(population)}};
  } else if (const auto name = take_word(); name && !is_keyword(*name)) {
    outcome = named(*name, std::move(population));
  }
  --depth_;
  return outcome;
}

// A call, a variable, or an assignment to one.
std::optional<ForkProgram::Outcome> ForkProgram::named(std::string_view name,
                                                       Population population) {
  if (take("(")) return called(name, std::move(population));
  if (const auto step = take_one_of(kSteps); !step.empty())
    return stepped(name, step == "++" ? 1 : -1, false, population);
  if (!at_end() && !rest_.starts_with("=="))
    if (const auto sign = take_one_of(kAssignments); !sign.empty())
      return assigned(name, sign, std::move(population));
  for (const NamedNumber& known : kNamedNumbers)
    if (known.name == name)
      return Outcome{{{Value::Kind::kNumber, known.number}, std::move(population)}};
  const std::string variable = visible(name);
  Outcome outcome;
  for (const auto& [variables, count] : population) {
    const auto found = variables.find(variable);
    if (found == variables.end()) {
      fail(std::string(name) + " has no value");
      return std::nullopt;
    }
    outcome[found->second][variables] += count;
  }
  return outcome;
}

std::optional<ForkProgram::Outcome> ForkProgram::called(std::string_view name,
                                                        Population population) {
  using Kind = Value::Kind;
  if (name == "fork") {
    if (!take(")")) return std::nullopt;
    return Outcome{{{Kind::kNumber, 0}, population}, {{Kind::kPositive}, population}};
  }
  struct Known {
    std::string_view name;
    Value returns;
  };
  // A wait returns the number of a child, or -1; no sleep ends early.
  constexpr Known kKnown[] = {{"wait", {Kind::kNotZero}},    {"waitpid", {Kind::kUnknown}},
                              {"printf", {Kind::kPositive}}, {"puts", {Kind::kPositive}},
                              {"sleep", {Kind::kNumber, 0}}, {"fflush", {Kind::kNumber, 0}},
                              {"getpid", {Kind::kPositive}}, {"getppid", {Kind::kPositive}}};
  const auto* const known = std::ranges::find(kKnown, name, &Known::name);
  const bool leaves = is_exec(name);
  if ((!leaves && known == std::end(kKnown)) || !arguments(population)) return std::nullopt;
  if (!leaves) return Outcome{{known->returns, std::move(population)}};
  ended_ += count_of(population);
  return Outcome{};
}

std::optional<ForkProgram::Outcome> ForkProgram::assigned(std::string_view name,
                                                          std::string_view sign,
                                                          Population population) {
  const auto outcome = chosen(std::move(population));
  if (!outcome) return std::nullopt;
  const std::string variable = visible(name);
  Outcome result;
  for (const auto& [value, those] : *outcome)
    for (const auto& [variables, count] : those) {
      const auto now =
          sign == "=" ? std::optional(value) : changed(name, sign.substr(0, 1), value, variables);
      if (!now) return std::nullopt;
      Variables then = variables;
      then[variable] = *now;
      result[*now][std::move(then)] += count;
    }
  return result;
}

// i++ and ++i: the first has the old value, the second the new one.
std::optional<ForkProgram::Outcome> ForkProgram::stepped(std::string_view name, long by,
                                                         bool is_before,
                                                         const Population& population) {
  Outcome result;
  for (const auto& [variables, count] : population) {
    const auto now = changed(name, "+", {Value::Kind::kNumber, by}, variables);
    if (!now) return std::nullopt;
    Variables then = variables;
    const Value was = std::exchange(then[visible(name)], *now);
    result[is_before ? *now : was][std::move(then)] += count;
  }
  return result;
}

// The new value of the variable; nothing if it has none.
std::optional<ForkProgram::Value> ForkProgram::changed(std::string_view name, std::string_view sign,
                                                       const Value& by,
                                                       const Variables& variables) {
  const auto found = variables.find(visible(name));
  if (found != variables.end()) return calculated(sign, found->second, by);
  fail(std::string(name) + " has no value");
  return std::nullopt;
}

}  // namespace spindle
