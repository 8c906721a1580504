// Threads: making them, waiting for them, and what a thread can say of itself.
//
//   Thread worker = spawn("worker", [&] { ... });
//   worker.join().take();
//   spawn_detached("request", [request = std::move(request)]() mutable { ... }).take();
//
// The callable is kept with the thread (a small one) or at the top of its stack, so that making a
// thread allocates nothing that is not pooled; a thread gets its stack when it first runs. An
// exception that leaves a thread's function ends the program (std::terminate); task.h has threads
// whose result or exception reaches the joiner. Each thread has its own errno and its own state of
// caught exceptions.
//
// Cancelling a thread ends its present or next wait, at one of the points of cancellation, with the
// exception Cancelled, which unwinds its stack and is delivered once. Such points are
// `current_thread::cancellation_point` and all waits (sleeping, joining, descriptors, every
// primitive) except taking a lock, entering a monitor and `offload`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "spindle/base/result.h"
#include "spindle/thread/time.h"

namespace spindle::thread {

struct Control;

/// A thread's default weight under lottery, stride and cfs.
inline constexpr std::uint32_t kUsualWeight = 1024;

struct ThreadOptions {
  std::string_view name = {};  ///< kept to its first NUL, and 31 bytes at most
  int priority = 0;            ///< a higher number goes first, under policies that have priorities
  /// Bytes without the guard page; 0: the runtime's size. Any other size is rounded up to a power
  /// of two of at least 8 KiB; beyond 1 GiB no thread is made, as if there were no memory.
  std::size_t stack_size = 0;
  std::uint32_t weight = kUsualWeight;  ///< 0 counts as 1
  std::int64_t deadline_ns = 0;         ///< absolute, for the policy "edf"
  /// The number of the only worker that may run it; any worker may if none has this number. Pinned
  /// threads stand in their worker's own queue, not in the policy: the worker takes from both in
  /// turn.
  int pinned_to = -1;
};

/// The exception that ends a cancelled thread. Whoever catches it must throw it again.
struct Cancelled {};

/// Owns the right to join a thread. Destroying a joinable handle joins. Belongs to the runtime that
/// made it; one that outlives it can still be joined if the thread had ended.
class Thread {
 public:
  Thread() = default;
  explicit Thread(Control* control) : control_(control) {}
  Thread(Thread&& other) noexcept : control_(std::exchange(other.control_, nullptr)) {}
  Thread& operator=(Thread&& other) noexcept {
    if (this != &other) {
      Thread old(std::exchange(control_, std::exchange(other.control_, nullptr)));
    }
    return *this;
  }
  ~Thread() {
    if (joinable()) join_or_detach();
  }

  /// Waits for the thread's end. EINVAL if the handle is not joinable; EDEADLK if the thread is the
  /// caller, or waits, through locks and joins, for the caller; ESRCH if it had not ended when its
  /// runtime was destroyed; EBUSY if another thread waits for it by this handle.
  Result<> join();
  /// Like join, but ETIMEDOUT (and still joinable) if it has not ended by then, also if it waits
  /// for the caller.
  Result<> join_until(Deadline deadline);
  Result<> join_for(Duration duration) { return join_until(duration.from_now()); }
  /// Lets the thread go on without being joined. EINVAL if the handle is not joinable.
  Result<> detach();

  /// False for a handle that is empty, moved from, joined or detached, or whose spawn made no
  /// thread.
  [[nodiscard]] bool joinable() const { return control_ != nullptr; }
  /// Unique in the runtime, from 1 on; 0 if not joinable.
  [[nodiscard]] std::uint64_t id() const;
  /// Higher goes first, under policies that have priorities. Does nothing if the handle is not
  /// joinable or the thread has ended.
  void set_priority(int priority);
  /// See above. Does nothing if the handle is not joinable or the thread has ended.
  void cancel();

 private:
  void join_or_detach();

  Control* control_ = nullptr;
};

namespace detail {
/// Callables of up to so many bytes are kept in the thread's Control until it runs.
inline constexpr std::size_t kLargestInControl = 32;
/// Callables of more bytes are kept on the heap.
inline constexpr std::size_t kLargestOnStack = 1024;

template <class F>
inline constexpr bool kFitsInControl = sizeof(F) <= kLargestInControl && alignof(F) <= 16;

/// Takes a stack and makes room for the callable at its top; null if there is no memory.
Control* prepare(const ThreadOptions& options, std::size_t size, std::size_t alignment,
                 void (*entry)(void*), void** storage);
enum class Fate : std::uint8_t { kJoined, kDetached };
/// Makes the prepared thread ready.
void start(Control* control, Fate fate);
/// Instead of `start`: takes the prepared thread back.
void discard(Control* control);
/// A callable that fits in the Control and may be copied byte by byte.
struct alignas(16) Room {
  std::uint64_t words[kLargestInControl / sizeof(std::uint64_t)] = {};
};
/// `prepare` and `start` in one.
Control* prepare_and_start(const ThreadOptions& options, const Room& callable, void (*entry)(void*),
                           Fate fate);

template <class F>
void call_until_cancelled(F& function) {
  try {
    function();
  } catch (const Cancelled&) {
    // It ends here, with its stack unwound.
  }
}

template <class F>
void run_callable(void* storage) noexcept {
  F& stored = *static_cast<F*>(storage);
  if constexpr (kFitsInControl<F>) {
    F function(std::move(stored));
    stored.~F();
    call_until_cancelled(function);
  } else {
    call_until_cancelled(stored);
    stored.~F();
  }
}

/// Null if there was no memory.
template <class F>
Control* make_thread(const ThreadOptions& options, Fate fate, F&& function) {
  using Function = std::decay_t<F>;
  if constexpr (sizeof(Function) > kLargestOnStack) {
    auto held = std::make_unique<Function>(std::forward<F>(function));
    return make_thread(options, fate, [held = std::move(held)] { (*held)(); });
  } else if constexpr (kFitsInControl<Function> && std::is_trivially_copyable_v<Function>) {
    Room room;
    new (room.words) Function(std::forward<F>(function));
    return prepare_and_start(options, room, &run_callable<Function>, fate);
  } else {
    void* storage = nullptr;
    Control* control =
        prepare(options, sizeof(Function), alignof(Function), &run_callable<Function>, &storage);
    if (control == nullptr) return nullptr;
    try {
      new (storage) Function(std::forward<F>(function));
    } catch (...) {
      discard(control);
      throw;
    }
    start(control, fate);
    return control;
  }
}
}  // namespace detail

/// Makes a thread that runs `function()`. Only inside a runtime. The handle is not joinable if
/// there was no memory for such a stack.
template <class F>
[[nodiscard]] Thread spawn(const ThreadOptions& options, F&& function) {
  return Thread(detail::make_thread(options, detail::Fate::kJoined, std::forward<F>(function)));
}
template <class F>
[[nodiscard]] Thread spawn(std::string_view name, F&& function) {
  return spawn(ThreadOptions{.name = name}, std::forward<F>(function));
}

/// Makes a thread that nobody joins. ENOMEM if there was no memory for such a stack.
template <class F>
Result<> spawn_detached(const ThreadOptions& options, F&& function) {
  const bool made =
      detail::make_thread(options, detail::Fate::kDetached, std::forward<F>(function)) != nullptr;
  if (!made) return Error{ENOMEM, "there is no memory for a thread's stack"};
  return {};
}
template <class F>
Result<> spawn_detached(std::string_view name, F&& function) {
  return spawn_detached(ThreadOptions{.name = name}, std::forward<F>(function));
}

/// Lets the other ready threads run, as the policy says.
void yield();

/// Sleep for a time or until a moment, and never less. A moment that is past only yields.
void sleep_for(Duration duration);
void sleep_until(Deadline deadline);

namespace current_thread {
/// Throws Cancelled if the calling thread was cancelled.
void cancellation_point();
/// While one exists the calling thread is not cancelled; a request is kept. They nest.
class CancellationOff {
 public:
  CancellationOff();
  ~CancellationOff();
  CancellationOff(const CancellationOff&) = delete;
  CancellationOff& operator=(const CancellationOff&) = delete;
};
/// The thread's errno. To be used instead of `errno` where there are several workers: after a wait
/// a thread may go on in another kernel thread, while compilers keep the address of `errno` for the
/// length of a function.
int& error_number();
/// The worker that runs the caller, from 0 on; -1 outside of a runtime.
int worker();
/// Restricts the calling thread to one worker (-1: any), from its next wait or yield on. EINVAL if
/// no worker has this number.
Result<> pin_to(int worker);

/// False between threads (idle handlers, posted work) and outside a runtime.
bool exists();
/// The calling thread's number; 0, and "" for its name, where none exists.
std::uint64_t id();
std::string_view name();
/// A number that tells a tracer for which request the thread works: 0 at first; threads that it
/// spawns begin with its own. 0 where no thread exists.
std::uint64_t tag();
/// Only where a thread exists.
void set_tag(std::uint64_t tag);
/// The calling thread's priority, raised to that of the threads that wait for a lock that it holds.
int priority();
/// Takes effect at the next switch. Only where a thread exists.
void set_priority(int priority);
}  // namespace current_thread

}  // namespace spindle::thread
