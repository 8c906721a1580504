// offload: a blocking call on a helper kernel thread, while the thread waits and its worker goes
// on.
//
//   const int fd = offload([&] { return open(path, O_RDONLY); });   // may take a disk's time
//
// For what cannot be polled: files, name look-up, waitpid. An exception reaches the caller. Helpers
// are made when none is idle, up to kMostHelpers in the process, and kept; beyond that calls queue.
// The wait is no point of cancellation, for the helper uses what the caller's stack holds. Outside
// of a thread the function is just called.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace spindle::thread {

inline constexpr std::size_t kMostHelpers = 16;

namespace detail {
/// Runs the work on a helper and parks until it has ended.
void run_on_helper(const std::function<void()>& work);
}  // namespace detail

template <class F>
auto offload(F&& function) -> std::invoke_result_t<F&> {
  using Value = std::invoke_result_t<F&>;
  std::exception_ptr failure;
  if constexpr (std::is_void_v<Value>) {
    detail::run_on_helper([&] {
      try {
        function();
      } catch (...) {
        failure = std::current_exception();
      }
    });
    if (failure) std::rethrow_exception(failure);
  } else {
    std::optional<Value> value;
    detail::run_on_helper([&] {
      try {
        value.emplace(function());
      } catch (...) {
        failure = std::current_exception();
      }
    });
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
  }
}

}  // namespace spindle::thread
