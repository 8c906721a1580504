// Task<T>: a thread with a result. What its function returns, or the exception that leaves it,
// reaches the thread that joins.
//
//   Task<int> sum = launch("sum", [&] { return add_up(numbers); });
//   ...
//   int total = TRY(sum.join());      // or throws what add_up threw
//
// Destroying a Task that was not joined waits for its end and drops the result. Belongs to the
// runtime whose thread made it.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "spindle/base/result.h"
#include "spindle/thread/thread.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

namespace detail {
template <class T>
struct Outcome {
  std::optional<T> value;
  std::exception_ptr failure;

  template <class F>
  void fill(F& function) {
    value.emplace(function());
  }
  Result<T> take() { return std::move(*value); }
  [[nodiscard]] bool empty() const { return !value; }
};

template <>
struct Outcome<void> {
  bool ended = false;
  std::exception_ptr failure;

  template <class F>
  void fill(F& function) {
    function();
    ended = true;
  }
  static Result<> take() { return {}; }
  [[nodiscard]] bool empty() const { return !ended; }
};
}  // namespace detail

template <class T>
class Task {
 public:
  Task() = default;
  Task(Task&&) noexcept = default;
  /// Waits first for the end of the thread that it owned.
  Task& operator=(Task&& other) noexcept {
    thread_ = std::move(other.thread_);
    outcome_ = std::move(other.outcome_);
    return *this;
  }

  /// Waits for the thread's end and returns its result, once. Throws the exception that left the
  /// function. ECANCELED if the thread was cancelled; ENOMEM if it was never made; other errors as
  /// Thread::join.
  Result<T> join() { return join_until(kNever); }
  /// Like join; ETIMEDOUT (and still joinable) if it has not ended by then.
  Result<T> join_for(Duration duration) { return join_until(duration.from_now()); }
  Result<T> join_until(Deadline deadline) {
    if (outcome_ && !thread_.joinable()) return Error{ENOMEM, "there was no memory for the thread"};
    TRY(thread_.join_until(deadline));
    const std::unique_ptr<detail::Outcome<T>> outcome = std::move(outcome_);
    if (outcome->failure) std::rethrow_exception(outcome->failure);
    if (outcome->empty()) return Error{ECANCELED, "the thread was cancelled"};
    return outcome->take();
  }

  void cancel() { thread_.cancel(); }
  [[nodiscard]] bool joinable() const { return thread_.joinable(); }
  [[nodiscard]] std::uint64_t id() const { return thread_.id(); }

 private:
  template <class F>
  friend auto launch(const ThreadOptions& options, F&& function)
      -> Task<std::invoke_result_t<std::decay_t<F>&>>;

  /// The thread is destroyed first: until it has ended it writes to the outcome.
  std::unique_ptr<detail::Outcome<T>> outcome_;
  Thread thread_;
};

/// Makes a thread that runs `function()`; see Task::join if there was no memory for it.
template <class F>
auto launch(const ThreadOptions& options, F&& function)
    -> Task<std::invoke_result_t<std::decay_t<F>&>> {
  Task<std::invoke_result_t<std::decay_t<F>&>> task;
  task.outcome_ = std::make_unique<detail::Outcome<std::invoke_result_t<std::decay_t<F>&>>>();
  auto run = [outcome = task.outcome_.get(), body = std::forward<F>(function)]() mutable {
    try {
      outcome->fill(body);
    } catch (const Cancelled&) {
      throw;
    } catch (...) {
      outcome->failure = std::current_exception();
    }
  };
  task.thread_ = spawn(options, std::move(run));
  return task;
}
template <class F>
auto launch(std::string_view name, F&& function) {
  return launch(ThreadOptions{.name = name}, std::forward<F>(function));
}

}  // namespace spindle::thread
