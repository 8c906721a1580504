#include <algorithm>
#include <barrier>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "bench/volume/workload.h"

namespace spindle::bench {

Result<Outcome> run_jobs(std::uint32_t jobs,
                         const std::function<Result<Amount>(std::uint32_t job)>& work) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::optional<Result<Amount>>> results(jobs);
  std::vector<Clock::time_point> ends(jobs);
  // The last to arrive takes the time before any may go on: a thread of its own would take it late
  // on a busy machine.
  Clock::time_point began;
  std::barrier start(jobs, [&began]() noexcept { began = Clock::now(); });
  std::vector<std::jthread> threads;
  for (std::uint32_t job = 0; job < jobs; ++job) {
    threads.emplace_back([&, job] {
      start.arrive_and_wait();
      results[job] = work(job);
      ends[job] = Clock::now();
    });
  }
  threads.clear();
  Outcome outcome;
  for (std::uint32_t job = 0; job < jobs; ++job) {
    const Amount amount = TRY(*results[job]);
    outcome.amount.operations += amount.operations;
    outcome.amount.bytes += amount.bytes;
    const double seconds = std::chrono::duration<double>(ends[job] - began).count();
    outcome.seconds = std::max(outcome.seconds, seconds);
  }
  return outcome;
}

}  // namespace spindle::bench
