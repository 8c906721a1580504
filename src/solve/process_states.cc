// Process states, tick by tick: programs of CPU bursts and I/O, a CPU that runs one of them, and
// devices that take a fixed time. (The exercise of Arpaci-Dusseau, "Operating Systems: Three Easy
// Pieces", chapter 4.)
//
// Starting an I/O takes a tick of the CPU, and so does handling its end. Conventions: `switch`
// (SWITCH_ON_IO: a process that starts an I/O gives the CPU up; SWITCH_ON_END: it keeps the CPU,
// idle, to the end of the I/O), `io_done` (IO_RUN_LATER: a process that comes back waits for its
// turn; IO_RUN_IMMEDIATE: it takes the CPU), `io_length` (5).

#include <algorithm>
#include <optional>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

/// Ticks times processes.
constexpr std::uint64_t kMostProcessTicks = 50'000'000;
constexpr std::size_t kMostProgrammedProcesses = 1000;
constexpr std::uint64_t kMostWrittenDown = 100'000;

enum class Step : std::uint8_t { kCompute, kStartIo, kEndIo };
enum class State : std::uint8_t { kReady, kRunning, kWaiting, kDone };

struct ProgrammedProcess {
  std::vector<Step> steps;
  std::size_t at = 0;
  State state = State::kReady;
  std::uint64_t io_ends = 0;  ///< the tick, while it waits
  std::string history{};      ///< a letter for each tick: see `TickMachine::write_down`

  [[nodiscard]] bool is_at_end() const { return at == steps.size(); }
};

/// "c5,i,c2": compute for five ticks, an I/O, compute for two.
std::optional<std::vector<Step>> read_program(std::string_view text) {
  std::vector<Step> steps;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string part(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part == "i") {
      steps.insert(steps.end(), {Step::kStartIo, Step::kEndIo});
    } else if (part.size() < 2 || part.size() > 7 || part[0] != 'c' ||
               part.find_first_not_of("0123456789", 1) != std::string::npos) {
      return std::nullopt;
    } else {
      steps.insert(steps.end(), std::stoul(part.substr(1)), Step::kCompute);
    }
  }
  return steps;
}

class TickMachine {
 public:
  struct Rules {
    std::uint64_t io_length = 5;
    bool switch_on_end = false;
    bool run_at_once = false;
  };

  TickMachine(std::vector<ProgrammedProcess> processes, const Rules& rules)
      : processes_(std::move(processes)), rules_(rules) {
    processes_[0].state = State::kRunning;
  }

  /// False if it takes too long.
  bool run() {
    while (!all_done()) {
      if (++now_ * processes_.size() > kMostProcessTicks) return false;
      if (!tick() && !all_done()) return false;
    }
    return true;
  }

  [[nodiscard]] Json answer() const {
    Json answer = {{"total", now_}, {"cpu_busy", cpu_busy_}, {"io_busy", io_busy_}};
    if (now_ * processes_.size() > kMostWrittenDown) return answer;
    for (const ProgrammedProcess& process : processes_) answer["states"].push_back(process.history);
    return answer;
  }

 private:
  /// False if nothing will ever happen again.
  bool tick() {
    for (std::size_t p = 0; p < processes_.size(); ++p)
      if (processes_[p].state == State::kWaiting && processes_[p].io_ends == now_) come_back(p);
    ProgrammedProcess& process = processes_[current_];
    std::optional<Step> step;
    if (process.state == State::kRunning && !process.is_at_end()) {
      step = process.steps[process.at++];
      ++cpu_busy_;
    }
    if (io_runs()) ++io_busy_;
    write_down(step);
    if (step == Step::kStartIo) {
      process.state = State::kWaiting;
      process.io_ends = now_ + rules_.io_length + 1;
      if (!rules_.switch_on_end) run_next();
    }
    end_if_done();
    return step.has_value() || io_runs() || processes_[current_].state == State::kRunning;
  }

  /// What each process does in this tick: c computes, i starts an I/O, e looks after its end, r is
  /// ready, w waits, a space: it has ended.
  void write_down(std::optional<Step> step) {
    if (now_ * processes_.size() > kMostWrittenDown) return;
    for (std::size_t p = 0; p < processes_.size(); ++p) {
      const State state = processes_[p].state;
      char letter = state == State::kWaiting ? 'w' : state == State::kDone ? ' ' : 'r';
      if (p == current_ && step)
        letter = step == Step::kCompute ? 'c' : step == Step::kStartIo ? 'i' : 'e';
      processes_[p].history += letter;
    }
  }

  void come_back(std::size_t p) {
    processes_[p].state = State::kReady;
    if (rules_.run_at_once) {
      if (current_ != p && processes_[current_].state == State::kRunning)
        processes_[current_].state = State::kReady;
      run(p);
    } else if (rules_.switch_on_end || runnable() == 1) {
      // The process kept the CPU through its I/O and goes on; or there is no other.
      run(p);
    }
    end_if_done();
  }

  [[nodiscard]] bool all_done() const {
    return std::ranges::all_of(processes_,
                               [](const ProgrammedProcess& p) { return p.state == State::kDone; });
  }

  [[nodiscard]] bool io_runs() const {
    return std::ranges::any_of(processes_, [this](const ProgrammedProcess& p) {
      return p.state == State::kWaiting && now_ < p.io_ends;
    });
  }

  [[nodiscard]] std::ptrdiff_t runnable() const {
    return std::ranges::count_if(processes_, [](const ProgrammedProcess& p) {
      return p.state == State::kReady || p.state == State::kRunning;
    });
  }

  void run(std::size_t p) {
    current_ = p;
    processes_[p].state = State::kRunning;
  }

  /// The next one in turn that is ready, if any.
  void run_next() {
    for (std::size_t step = 1; step <= processes_.size(); ++step) {
      const std::size_t p = (current_ + step) % processes_.size();
      if (processes_[p].state == State::kReady) return run(p);
    }
  }

  void end_if_done() {
    ProgrammedProcess& process = processes_[current_];
    if (process.state != State::kRunning || !process.is_at_end()) return;
    process.state = State::kDone;
    run_next();
  }

  std::vector<ProgrammedProcess> processes_;
  Rules rules_;
  std::size_t current_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t cpu_busy_ = 0;
  std::uint64_t io_busy_ = 0;
};

}  // namespace

// The two choices stand in the parameters, and in the algorithm's name,
// "SWITCH_ON_IO,IO_RUN_LATER".
Json solve_process_states(const Problem& problem) {
  const std::string& name = problem.algorithm;
  const std::string switches = name.substr(0, name.find(','));
  const std::string returns = name.substr(std::min(name.find(',') + 1, name.size()));
  const bool on_end = switches == "SWITCH_ON_END";
  const bool at_once = returns == "IO_RUN_IMMEDIATE";
  if ((!on_end && switches != "SWITCH_ON_IO") || (!at_once && returns != "IO_RUN_LATER"))
    return problem.unknown_algorithm();
  TickMachine::Rules rules;
  rules.io_length =
      static_cast<std::uint64_t>(problem.parameters["io_length"].integer_or(5, 0, 1'000'000));
  const Field switch_field = problem.parameters["switch"];
  const Field done_field = problem.parameters["io_done"];
  rules.switch_on_end =
      switch_field.present() ? switch_field.choice({"SWITCH_ON_IO", "SWITCH_ON_END"}) == 1 : on_end;
  rules.run_at_once =
      done_field.present() ? done_field.choice({"IO_RUN_LATER", "IO_RUN_IMMEDIATE"}) == 1 : at_once;
  std::vector<ProgrammedProcess> processes;
  std::size_t steps = 0;
  for (const Field& item : problem.input["programs"].items()) {
    auto program = read_program(item.text());
    if (!program) item.fail("a program is a list like c5,i,c2");
    if (problem.failed()) return {};
    steps += program->size();
    processes.emplace_back().steps = std::move(*program);
    if (steps > kMostProcessTicks || processes.size() > kMostProgrammedProcesses)
      return problem.input["programs"].fail("too long"), Json();
  }
  if (processes.empty()) return problem.input["programs"].fail("there must be some"), Json();
  TickMachine machine(std::move(processes), rules);
  if (!machine.run()) return problem.input["programs"].fail("they do not come to an end"), Json();
  return machine.answer();
}

}  // namespace spindle
