// Readers: the threads that hold a lock for reading, and where each took it, so that a thread that
// waits for them all can be told which they are.
//
// The first is kept in the lock itself, so that a lone reader costs two stores; the others are in a
// table by thread. To be used in sections. Each thread that waits for the lock has a ticket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

/// Tickets are numbered in the order in which threads begin to wait.
struct TicketNode : WaitNode {
  std::uint64_t ticket = 0;
};

class Readers {
 public:
  [[nodiscard]] std::size_t count() const { return count_; }

  /// A thread that holds the lock twice is noted twice.
  void add(Control* thread, const void* where) {
    if (add_first(thread, where)) return;
    ++count_;
    add_other(thread, where);
  }
  /// False if the thread is not among them.
  bool remove(Control* thread) {
    if (remove_first(thread)) return true;
    if (!remove_other(thread)) return false;
    --count_;
    return true;
  }
  /// The same, but only for the reader kept in the lock itself: false, and nothing done, if that
  /// place is taken (add) or holds another thread (remove).
  bool add_first(Control* thread, const void* where) {
    if (first_.thread != nullptr) return false;
    first_ = {thread, where};
    ++count_;
    return true;
  }
  bool remove_first(Control* thread) {
    if (first_.thread != thread) return false;
    first_.thread = nullptr;
    --count_;
    return true;
  }

  template <class Visit>
  void for_each(Visit visit) const {
    if (first_.thread != nullptr) visit(first_);
    if (!others_) return;
    for (const auto& [thread, where] : *others_) visit(Holder{thread, where});
  }

 private:
  using Others = std::unordered_multimap<Control*, const void*>;
  void add_other(Control* thread, const void* where);
  bool remove_other(Control* thread);

  Holder first_;
  std::size_t count_ = 0;
  std::unique_ptr<Others> others_;
};

}  // namespace spindle::thread
