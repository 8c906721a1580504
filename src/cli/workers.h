// Workers: many pieces of work, done by several kernel threads; the first error stops them.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "cli/words.h"
#include "spindle/base/result.h"

namespace spindle::cli {

class Workers {
 public:
  /// What came of a piece of work, and what it is called where that is an error.
  using Outcome = std::pair<Result<>, std::string>;

  Workers(unsigned threads, Complaint& complaint) : threads_(threads), complaint_(complaint) {}

  /// `work(i)`, which gives an Outcome, for every i below `count`.
  template <class Work>
  void run(std::size_t count, const Work& work) {
    std::atomic<std::size_t> next = 0;
    const auto take_and_work = [&] {
      for (std::size_t i = 0; !stopped_ && (i = next++) < count;) {
        const auto [outcome, what] = work(i);
        const std::lock_guard guard(mutex_);
        if (outcome.ok() || stopped_) continue;
        complaint_.make(fmt::format("{}: {}", what, outcome.error().describe()));
        stopped_ = true;
      }
    };
    std::vector<std::thread> threads;
    try {
      for (unsigned i = 1; i < threads_; ++i) threads.emplace_back(take_and_work);
    } catch (const std::system_error&) {
      // The host gives no more: those that there are do all of the work.
    }
    take_and_work();
    for (std::thread& thread : threads) thread.join();
  }

 private:
  unsigned threads_;
  Complaint& complaint_;
  std::mutex mutex_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace spindle::cli
