// offload: a blocking call on a helper kernel thread, while the thread waits and its worker goes
// on.
//
//   const int fd = offload([&] { return open(path, O_RDONLY); });   // may take a disk's time
//   Result<int> answer = offload_until(deadline_ns, [name] { return look_up(name); });
//
// For what cannot be polled: files, name look-up, waitpid. An exception reaches the caller, and so
// does errno (a thread that may have moved to another worker reads it by
// current_thread::error_number). A helper is made when none is idle, up to kMostHelpers in the
// process, and is kept; further calls queue. The wait of `offload` is not a point of cancellation,
// since the helper uses what lies on the caller's stack. Outside of a thread, and if the kernel
// gives no helper, the caller runs the function itself. What waits for other threads of the runtime
// could then wait for ever: for that there is `offload_elsewhere`.
//
// Nobody can end a blocking call from outside. So when the deadline of `offload_until` comes, or
// its thread is cancelled, the call is left to its helper, which finishes it at some time and drops
// the result: the function must own all that it uses, and the helper destroys it. A call that no
// helper has begun by then is not made any more. The program's end does not wait for any call. A
// forked process has helpers of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "spindle/base/result.h"
#include "spindle/thread/task.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

inline constexpr std::size_t kMostHelpers = 16;

namespace detail {
/// Runs the work on a helper and parks until it has ended. With a deadline the work must own all
/// that it uses: if the deadline comes first, this returns false and the work is left to the
/// helper.
bool run_on_helper(std::function<void()> work, Deadline deadline);
/// Makes a helper if a thread calls and there is none; false if the kernel gives none.
bool has_helper();

template <class F, class T>
void call_into(F& function, Outcome<T>& outcome) {
  try {
    outcome.fill(function);
  } catch (...) {
    outcome.failure = std::current_exception();
  }
}
}  // namespace detail

template <class F>
auto offload(F&& function) -> std::invoke_result_t<F&> {
  detail::Outcome<std::invoke_result_t<F&>> outcome;
  detail::run_on_helper([&] { detail::call_into(function, outcome); }, kNever);
  if (outcome.failure) std::rethrow_exception(outcome.failure);
  return outcome.take().take();
}

/// As `offload`, but EAGAIN if the kernel gives no helper: the function was not called then.
template <class F>
auto offload_elsewhere(F&& function) -> Result<std::invoke_result_t<F&>> {
  if (!detail::has_helper()) return Error{EAGAIN, "the host gives no kernel thread to wait with"};
  return offload(std::forward<F>(function));
}

/// ETIMEDOUT if the call has not ended when the deadline comes: see above. With kNever it waits
/// as `offload` does.
template <class F>
auto offload_until(Deadline deadline, F&& function)
    -> Result<std::invoke_result_t<std::decay_t<F>&>> {
  struct Call {
    explicit Call(F&& what) : function(std::forward<F>(what)) {}
    std::decay_t<F> function;
    detail::Outcome<std::invoke_result_t<std::decay_t<F>&>> outcome;
  };
  const auto call = std::make_shared<Call>(std::forward<F>(function));
  const auto work = [call] { detail::call_into(call->function, call->outcome); };
  if (!detail::run_on_helper(work, deadline)) {
    return Error{ETIMEDOUT, "the call did not end in time"};
  }
  if (call->outcome.failure) std::rethrow_exception(call->outcome.failure);
  return call->outcome.take();
}

template <class F>
auto offload_for(Duration duration, F&& function) {
  return offload_until(duration.from_now(), std::forward<F>(function));
}

}  // namespace spindle::thread
