// ForkProgram: how many processes a small C program with forks becomes.
//
// The program is walked once, for all its processes together: those that have the same variables
// are one entry with a count, which a fork splits. It knows fork(), the operators of numbers,
// comparisons and logic, variables, if and else, for and while loops, break and continue, blocks
// and exit; a process that calls exec leaves this program; wait, printf and the like do nothing.
// A program whose way depends on what is not known (the number of a process, a variable that was
// never set) is refused.
//
//   ForkProgram program("for (i = 0; i < 3; i++) fork();");
//   if (program.run()) use(program.processes());      // 8
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spindle {

class ForkProgram {
 public:
  explicit ForkProgram(std::string_view text) : rest_(text) {}

  /// False if it is no such program, or takes too long to walk.
  bool run();
  /// What is wrong with it, after `run` was false.
  [[nodiscard]] std::string complaint() const;

  /// All processes that there have been.
  [[nodiscard]] double processes() const { return count_of(alive_) + ended_; }
  /// Each statement of the outermost level, and how many processes there have been after it.
  [[nodiscard]] const std::vector<std::pair<std::string, double>>& steps() const { return steps_; }

 private:
  /// What an expression is: a number, or as much as is known of one.
  struct Value {
    enum class Kind : std::uint8_t { kNumber, kPositive, kNotZero, kUnknown };
    Kind kind = Kind::kNumber;
    long number = 0;
    auto operator<=>(const Value&) const = default;
  };
  using Variables = std::map<std::string, Value, std::less<>>;
  /// How many processes have these variables. Doubles are exact up to the most that is answered.
  using Population = std::map<Variables, double>;
  /// For each value of an expression, the processes that see it.
  using Outcome = std::map<Value, Population>;
  struct Branches {
    Population is_true;
    Population is_false;
  };

  /// The processes that have jumped out of a round.
  struct Loop {
    Population left;
    Population next;  ///< to the next round
  };

  static double count_of(const Population& population);
  static void join(Population& into, const Population& others);
  static void forget(std::string_view name, Population& population);
  static Population all_of(const Outcome& outcome);
  static Outcome as_outcome(const Branches& ways);
  static std::optional<bool> truth_of(const Value& value);
  static std::optional<bool> compared(std::string_view sign, Value left, Value right);
  static std::optional<Value> calculated(std::string_view sign, const Value& left,
                                         const Value& right);

  bool fail(std::string why);
  /// False if it goes too deep, or on for too long.
  bool goes_deeper(const Population& population);

  bool at_end();
  bool take(std::string_view token);
  /// The first of these that comes; empty if none does.
  std::string_view take_one_of(std::span<const std::string_view> tokens);
  /// A word of letters; nothing if none comes.
  std::optional<std::string_view> take_word();
  std::optional<long> take_number();
  bool take_type();
  /// Skips a text or a letter, from its quote on.
  bool skip_quoted();
  /// Skips the bracket that closes the one just taken; returns what stands before it, without
  /// spaces and texts.
  std::optional<std::string> skip_to_bracket();

  // Each reads one construct, for the processes that come to it; false, or nothing, if it is none.
  bool statement(Population& population);
  bool block(Population& population);
  bool branch(Population& population);
  bool for_loop(Population& population);
  bool while_loop(Population& population);
  bool rounds(Population& population, bool is_for);
  bool jump(Population& population, Population Loop::*where);
  bool returned(Population& population);
  bool end(Population& population);
  bool declaration(Population& population);
  void end_scope(std::size_t declared, Population& population);
  [[nodiscard]] std::string visible(std::string_view name) const;
  bool expressions(Population& population);
  bool at_end_of_statement();
  bool arguments(Population& population);
  bool argument(Population& population);
  std::optional<Outcome> list(Population population);
  std::optional<Outcome> chosen(Population population);
  std::optional<Outcome> either(Population population);
  std::optional<Outcome> both(Population population);
  std::optional<Outcome> operation(std::size_t rank, Population population);
  std::optional<Outcome> with_right_side(std::size_t rank, std::string_view sign, Outcome left);
  std::optional<Outcome> single(Population population);
  std::optional<Outcome> named(std::string_view name, Population population);
  std::optional<Outcome> called(std::string_view name, Population population);
  std::optional<Outcome> assigned(std::string_view name, std::string_view sign,
                                  Population population);
  std::optional<Outcome> stepped(std::string_view name, long by, bool is_before,
                                 const Population& population);
  std::optional<Value> changed(std::string_view name, std::string_view sign, const Value& by,
                               const Variables& variables);
  std::optional<Branches> branches(const std::optional<Outcome>& outcome);

  std::string_view rest_;
  Population alive_{{Variables{}, 1}};
  std::vector<Loop> loops_;            ///< those around the statement, the innermost last
  std::vector<std::string> declared_;  ///< the names that are visible, the innermost last
  double ended_ = 0;
  std::vector<std::pair<std::string, double>> steps_;
  std::string why_;  ///< the reason why it cannot be counted, if more is to be said
  int depth_ = 0;
  std::size_t work_ = 0;
};

}  // namespace spindle
