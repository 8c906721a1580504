// ForkProgram: how many processes a small C program with forks becomes.
//
// The program is walked once, for all its processes together: those that have the same variables
// are one entry with a count, which a fork splits. It knows fork(), !, &&, ||, comparisons with a
// number, variables that keep what a fork returned, if and else, for loops with a fixed number of
// rounds, break and continue, blocks and exit; who calls exec goes on with another program; wait,
// printf and the like change nothing.
//
//   ForkProgram program("for (i = 0; i < 3; i++) fork();");
//   if (program.run()) use(program.processes());      // 8
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spindle {

class ForkProgram {
 public:
  explicit ForkProgram(std::string_view text) : rest_(text) {}

  /// False if it is no such program, or one that is too long a walk.
  bool run();

  /// All that there have been.
  [[nodiscard]] double processes() const { return count_of(alive_) + ended_; }
  /// Each statement of the outermost level, and how many processes there have been after it.
  [[nodiscard]] const std::vector<std::pair<std::string, double>>& steps() const { return steps_; }

 private:
  /// What a process keeps of what its forks returned: 0 in a child, and more in its parent.
  using Variables = std::map<std::string, bool, std::less<>>;
  /// How many processes have these variables. Doubles are exact up to the most that is answered.
  using Population = std::map<Variables, double>;
  /// Those that see an expression true, and false.
  struct Outcome {
    Population is_true;
    Population is_false;
  };

  /// Those who have jumped out of a round.
  struct Loop {
    Population left;
    Population next;  ///< to the next round
  };

  static double count_of(const Population& population);
  static void join(Population& into, const Population& others);

  bool at_end();
  bool take(std::string_view token);
  /// A word of letters; nothing if none comes.
  std::optional<std::string_view> take_word();
  std::optional<long> take_number();
  /// Past all up to the bracket that closes the one just taken.
  bool skip_arguments();

  // Each reads one construct, for the processes that come to it; false, or nothing, if it is none.
  bool statement(Population& population);
  bool block(Population& population);
  bool branch(Population& population);
  bool loop(Population& population);
  bool end(Population& population);
  bool jump(Population& population, Population Loop::*where);
  bool expressions(Population& population);
  bool at_end_of_statement();
  std::optional<long> rounds();
  std::optional<Outcome> either(Population population);
  std::optional<Outcome> both(Population population);
  std::optional<Outcome> compared(Population population);
  std::optional<Outcome> single(Population population);
  std::optional<Outcome> named(std::string_view name, Population population);

  std::string_view rest_;
  Population alive_{{Variables{}, 1}};
  std::vector<Loop> loops_;  ///< those around the statement, the innermost last
  double ended_ = 0;
  std::vector<std::pair<std::string, double>> steps_;
  int depth_ = 0;
  std::size_t work_ = 0;
};

}  // namespace spindle
