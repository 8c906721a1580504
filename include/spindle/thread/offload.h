// offload: a blocking call on a helper kernel thread, while the thread waits and its worker goes
// on.
//
//   const int fd = offload([&] { return open(path, O_RDONLY); });   // may take a disk's time
//   Result<int> answer = offload_until(deadline_ns, [name] { return look_up(name); });
//
// For what cannot be polled: files, name look-up, waitpid. An exception reaches the caller, and
// errno is after the call as the call left it (in a thread that may have gone to another worker:
// current_thread::error_number). Helpers are made when none is idle, up to kMostHelpers in the
// process, and kept; beyond that calls queue. The wait of `offload` is no point of cancellation,
// for the helper uses what the caller's stack holds. Outside of a thread, and where the kernel
// gives no helper, the function is just called.
//
// Nobody can end a blocking call from outside. So when the deadline of `offload_until` comes, or
// its thread is cancelled, the call is left to its helper, which ends it some time and drops what
// came of it: the function must own all that it uses, and is destroyed by the helper. A call that
// no helper has begun by then is not made any more. The program's end waits for no call.
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
/// Runs the work on a helper and parks until it has ended. With a deadline the work must own what
/// it uses: false if that came first, and the helper ends the work.
bool run_on_helper(std::function<void()> work, Deadline deadline);

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
