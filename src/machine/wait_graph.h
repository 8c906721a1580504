// WaitGraph: who waits for whom, over everything by which one thread can make another wait.
//
// What a blocked thread waits for follows from the call it is in: resources of the table, the other
// end of a pipe, a child, a thread, or a condition, message queue or semaphore that anybody may
// signal. A thread will never go on if all threads that could end its wait will never go on either.
// A thread that sleeps, or waits for a device or for a person at a terminal, can always go on. If
// anybody may signal, the threads count whose program contains a call that can: programs are
// searched for such calls when they are loaded.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "process.h"
#include "resource_table.h"

namespace spindle {

class Kernel;
struct Pipe;

/// The calls by which a program can end waits of threads that it knows nothing of: a bit each.
enum Waker : std::uint8_t { kPosts = 1, kSignals = 2, kSends = 4, kReceives = 8, kAnyWaker = 15 };
/// Those calls that a program with this text could make, itself or through files that it loads.
std::uint8_t wakers_in(std::string_view program);

class WaitGraph {
 public:
  explicit WaitGraph(const Kernel& kernel) : kernel_(kernel) {}

  /// Whether the thread will never go on, judged only by the threads on which it depends. A signal
  /// that anybody may send counts as sure to come; so does the end of a wait if more than
  /// kMostVisited threads would have to be visited.
  [[nodiscard]] bool is_dead(const Thread& thread) const;
  /// All threads that will never go on and were not reported yet, by number.
  [[nodiscard]] std::vector<ProcessNumber> all_dead() const;
  /// "101 (philosopher) waits for fork2, held by 102"
  [[nodiscard]] std::string describe(const Thread& thread) const;

 private:
  static constexpr std::size_t kMostVisited = 100;
  using Threads = std::set<const Thread*>;

  /// What would end a wait.
  struct Need {
    enum class Kind : std::uint8_t { kOutside, kResources, kThreads, kAnybody };
    Kind kind = Kind::kOutside;
    Amounts amounts;                     ///< kResources: all of these
    std::vector<const Thread*> threads;  ///< kResources: the holders; kThreads: any of these
    const char* link = "";               ///< how those are concerned: ", held by "
    std::uint8_t wakers = 0;             ///< kAnybody: the calls that would end the wait
  };
  /// How many threads that can go on have a program with each Waker.
  using Awake = std::array<std::size_t, 4>;
  static constexpr Awake kAllWakers{1, 1, 1, 1};

  [[nodiscard]] Need need_of(const Thread& thread) const;
  [[nodiscard]] Need resources_needed(const Thread& thread, Amounts amounts) const;
  [[nodiscard]] Need pipe_needed(const Thread& thread) const;
  [[nodiscard]] Need child_needed(const Thread& thread) const;
  /// Whether the threads that are not asleep could end the wait.
  template <typename IsAsleep>
  [[nodiscard]] bool can_be_met(const Need& need, const Awake& awake,
                                const IsAsleep& is_asleep) const;
  [[nodiscard]] Awake awake_besides(const Threads& asleep) const;
  /// False for a thread that only waits behind a deadlock: it holds nothing, and nobody waits for
  /// it (Silberschatz, Galvin, Gagne, "Operating System Concepts": detection counts it as
  /// finished).
  [[nodiscard]] bool takes_part(const Thread& thread, const Threads& asleep) const;
  /// Removes from `asleep` the threads that can go on, one after another. `awake`: who goes on
  /// besides them.
  void wake_in_turn(Threads& asleep, Awake awake) const;

  const Kernel& kernel_;
};

}  // namespace spindle
