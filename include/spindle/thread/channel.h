// Channel: values handed from thread to thread, in order.
//
// With a capacity, a sender waits only while the buffer is full; with capacity 0 sender and
// receiver meet (a rendezvous): send returns when a receiver has the value. After `close` senders
// are refused with EPIPE; receivers still get what is in the buffer, then EPIPE. A sender that is
// waiting when the channel is closed is refused too, and its value is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "spindle/base/result.h"
#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

namespace detail {
template <class T>
class SendCase;
template <class T>
class ReceiveCase;
}  // namespace detail

template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity = 0, const char* name = "")
      : capacity_(capacity),
        ring_(capacity > 0 ? std::make_unique<std::optional<T>[]>(capacity) : nullptr),
        senders_(name, WaitKind::kChannel),
        receivers_(name, WaitKind::kChannel) {}

  /// EPIPE if the channel is or gets closed; ETIMEDOUT if the time-out came first. Either way the
  /// value is lost.
  Result<> send(T value, Timeout timeout = kNever) {
    const Section section;
    if (closed_) return closed_error();
    if (offer(value)) return {};
    Waiter waiter;
    waiter.offered = &value;
    senders_.enqueue(waiter);
    if (!WaitQueue::park(waiter, timeout)) return timeout_error();
    if (!waiter.done) return closed_error();
    return {};
  }

  /// The oldest value. EPIPE if there is none and the channel is or gets closed; ETIMEDOUT if the
  /// time-out came first.
  Result<T> receive(Timeout timeout = kNever) {
    const Section section;
    if (std::optional<T> value = take()) return std::move(*value);
    if (closed_) return closed_error();
    Waiter waiter;
    receivers_.enqueue(waiter);
    if (!WaitQueue::park(waiter, timeout)) return timeout_error();
    if (!waiter.done) return closed_error();
    return std::move(*waiter.value);
  }

  /// Never waits: EAGAIN if a send would. The value is moved from only on success.
  Result<> try_send(T& value) {
    const Section section;
    if (closed_) return closed_error();
    if (!offer(value)) return Error{EAGAIN, "the channel is full"};
    return {};
  }
  /// Nothing if a receive would wait or the channel is closed and empty.
  std::optional<T> try_receive() {
    const Section section;
    return take();
  }

  void close() {
    const Section section;
    closed_ = true;
    senders_.wake_all();
    receivers_.wake_all();
  }

  [[nodiscard]] bool closed() const {
    const Section section;
    return closed_;
  }
  /// Values in the buffer.
  [[nodiscard]] std::size_t size() const {
    const Section section;
    return count_;
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  friend class detail::SendCase<T>;
  friend class detail::ReceiveCase<T>;
  struct Waiter : WaitNode {
    std::optional<T> value;  ///< what a receiver got
    T* offered = nullptr;    ///< what a sender would give
    bool done = false;
  };

  static Error closed_error() { return Error{EPIPE, "the channel is closed"}; }
  static Error timeout_error() { return Error{ETIMEDOUT, "the channel was not ready in time"}; }

  /// Gives the value to a waiting receiver, or to the buffer; false if neither can take it.
  bool offer(T& value) {
    if (auto* receiver = static_cast<Waiter*>(receivers_.front())) {
      receiver->value.emplace(std::move(value));
      receiver->done = true;
      receivers_.wake(*receiver);
      return true;
    }
    if (count_ == capacity_) return false;
    push(std::move(value));
    return true;
  }

  /// Takes the oldest value of the buffer, into which the first waiting sender's value then moves;
  /// if there is no buffer, that of the first waiting sender.
  std::optional<T> take() {
    auto* sender = static_cast<Waiter*>(senders_.front());
    if (count_ == 0) return sender == nullptr ? std::nullopt : release(*sender);
    std::optional<T> value = std::exchange(ring_[head_], std::nullopt);
    head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
    --count_;
    if (sender != nullptr) push(*release(*sender));
    return value;
  }

  std::optional<T> release(Waiter& sender) {
    std::optional<T> value(std::move(*sender.offered));
    sender.done = true;
    senders_.wake(sender);
    return value;
  }

  void push(T&& value) {
    const std::size_t at = head_ + count_;
    ring_[at < capacity_ ? at : at - capacity_].emplace(std::move(value));
    ++count_;
  }

  std::size_t capacity_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::unique_ptr<std::optional<T>[]> ring_;
  bool closed_ = false;
  WaitQueue senders_;
  WaitQueue receivers_;
};

}  // namespace spindle::thread
