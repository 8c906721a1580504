// select: waits until one of several channel operations can be done, and does that one.
//
//   int value = 0;
//   switch (*select({receive_case(orders, value), send_case(results, result)}, deadline_ns)) {
//     case 0: ...                       // `value` came from `orders`
//     case 1: ...                       // `result` went to `results`
//   }
//
// If several can be done at once, the first in the list is. An operation on a closed channel counts
// as possible: it is chosen, with `closed` true, and does nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "spindle/base/result.h"
#include "spindle/thread/channel.h"

namespace spindle::thread {

class SelectCase {
 public:
  virtual ~SelectCase() = default;
  /// Does the operation if that needs no wait. True if it did, or if the channel is closed.
  virtual bool try_now() = 0;
  /// Takes a place among the waiters of the channel.
  virtual WaitNode& enqueue() = 0;
  /// Called when this case has ended the wait.
  virtual void finish() = 0;
  [[nodiscard]] virtual bool closed() const = 0;
};

using SelectCases = std::span<const std::unique_ptr<SelectCase>>;

/// What was done: the case's number, and whether its channel was closed.
struct Selected {
  std::size_t number = 0;
  bool closed = false;
};

/// ETIMEDOUT if the deadline (0: do not wait) came first; EINVAL if there are no cases. How many
/// there are may be known only when the program runs: a vector of them will do, and may be used
/// again.
Result<Selected> select(SelectCases cases, Timeout timeout = kNever);
inline Result<Selected> select(std::initializer_list<std::unique_ptr<SelectCase>> cases,
                               Timeout timeout = kNever) {
  return select(SelectCases(cases.begin(), cases.size()), timeout);
}

namespace detail {
template <class T>
class ReceiveCase final : public SelectCase {
 public:
  ReceiveCase(Channel<T>& channel, T& to) : channel_(channel), to_(to) {}
  bool try_now() override {
    if (auto value = channel_.take()) {
      to_ = std::move(*value);
      return true;
    }
    return closed_ = channel_.closed_;
  }
  WaitNode& enqueue() override {
    channel_.receivers_.enqueue(waiter_.emplace());
    return *waiter_;
  }
  void finish() override {
    closed_ = !waiter_->done;
    if (waiter_->done) to_ = std::move(*waiter_->value);
  }
  [[nodiscard]] bool closed() const override { return closed_; }

 private:
  Channel<T>& channel_;
  T& to_;
  std::optional<typename Channel<T>::Waiter> waiter_;  // made anew for each wait
  bool closed_ = false;
};

template <class T>
class SendCase final : public SelectCase {
 public:
  SendCase(Channel<T>& channel, T& value) : channel_(channel), value_(value) {}
  bool try_now() override {
    closed_ = channel_.closed_;
    return closed_ || channel_.offer(value_);
  }
  WaitNode& enqueue() override {
    waiter_.emplace().offered = &value_;
    channel_.senders_.enqueue(*waiter_);
    return *waiter_;
  }
  void finish() override { closed_ = !waiter_->done; }
  [[nodiscard]] bool closed() const override { return closed_; }

 private:
  Channel<T>& channel_;
  T& value_;
  std::optional<typename Channel<T>::Waiter> waiter_;  // made anew for each wait
  bool closed_ = false;
};
}  // namespace detail

/// Receives into `to`.
template <class T>
std::unique_ptr<SelectCase> receive_case(Channel<T>& channel, T& to) {
  return std::make_unique<detail::ReceiveCase<T>>(channel, to);
}
/// Sends `value`, which is moved from only if this case is chosen: several may offer the same one.
template <class T>
std::unique_ptr<SelectCase> send_case(Channel<T>& channel, T& value) {
  return std::make_unique<detail::SendCase<T>>(channel, value);
}

}  // namespace spindle::thread
