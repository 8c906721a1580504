// Promise<T> and Future<T>: a value that comes later, from one thread to others.
//
//   Promise<int> promise;
//   Future<int> answer = promise.future();
//   spawn_detached("asker", [promise = std::move(promise)]() mutable { promise.set(42); }).take();
//   int value = TRY(answer.get());
//
// A future may be copied and asked any number of times; each gets the value by copy. If a promise
// is destroyed without having been kept, they get EPIPE. A Promise<void> only says that the time
// has come.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "spindle/base/check.h"
#include "spindle/base/result.h"
#include "spindle/thread/event.h"
#include "spindle/thread/section.h"

namespace spindle::thread {

namespace detail {
template <class T>
using Kept = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
struct Shared {
  Event settled{"future"};
  std::optional<Kept<T>> value;
  std::exception_ptr failure;
};
}  // namespace detail

template <class T>
class Future {
 public:
  Future() = default;

  /// Waits. Throws the exception that was set. EPIPE if the promise was broken, ETIMEDOUT if the
  /// time-out came first, EINVAL for a future that belongs to no promise.
  Result<T> get(Timeout timeout = kNever) const {
    if (!shared_) return Error{EINVAL, "the future belongs to no promise"};
    if (!shared_->settled.wait_until(timeout)) {
      return Error{ETIMEDOUT, "the promise was not kept in time"};
    }
    if (shared_->failure) std::rethrow_exception(shared_->failure);
    if (!shared_->value) return Error{EPIPE, "the promise was broken"};
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return *shared_->value;
    }
  }
  [[nodiscard]] bool ready() const { return shared_ && shared_->settled.is_set(); }

 private:
  template <class>
  friend class Promise;
  explicit Future(std::shared_ptr<detail::Shared<T>> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<detail::Shared<T>> shared_;
};

template <class T>
class Promise {
 public:
  Promise() : shared_(std::make_shared<detail::Shared<T>>()) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&&) = delete;
  ~Promise() {
    if (shared_ && !shared_->settled.is_set()) shared_->settled.set();
  }

  [[nodiscard]] Future<T> future() const { return Future<T>(shared_); }
  /// To be called once: keeping a promise twice, or one that was moved from, is a bug of the
  /// caller.
  void set(detail::Kept<T> value) {
    CHECK(shared_ != nullptr && !shared_->settled.is_set());
    shared_->value.emplace(std::move(value));
    shared_->settled.set();
  }
  void set() requires std::is_void_v<T> { set(std::monostate()); }
  void set_exception(std::exception_ptr failure) {
    CHECK(shared_ != nullptr && !shared_->settled.is_set());
    shared_->failure = std::move(failure);
    shared_->settled.set();
  }

 private:
  std::shared_ptr<detail::Shared<T>> shared_;
};

}  // namespace spindle::thread
