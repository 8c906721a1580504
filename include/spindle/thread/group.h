// TaskGroup: fork and join. Runs functions as threads and waits for all of them.
//
//   TaskGroup group;
//   group.run([&] { sort(left); });
//   group.run([&] { sort(right); });
//   group.wait();                     // throws the first exception that left one of them
//
// With the policy "child-first" a forked function runs at once and its maker later, so that few
// threads are alive at a time. If there is no memory for a thread, `run` calls the function itself.
// Destroying a group waits for its threads.
//
// What a function has captured is destroyed before the group hears of its end; the thread itself,
// and its values of a Local, end soon after. A thread that waits for the group lends its priority
// to the threads that run, and a circle of waiting threads through a group is reported.
#pragma once

#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

#include "spindle/thread/members.h"
#include "spindle/thread/section.h"
#include "spindle/thread/thread.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class TaskGroup {
 public:
  explicit TaskGroup(const char* name = "") : name_(name), waiters_(name, WaitKind::kJoin) {}
  ~TaskGroup() {
    if (running() == 0) return;  // also where no thread exists
    const current_thread::CancellationOff off;
    wait_for_all(kNever);
  }
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  template <class F>
  void run(F&& function) {
    Body<std::decay_t<F>> body{this, std::forward<F>(function)};
    enter();
    try {
      // The body is moved from only if the thread was made.
      if (spawn_detached(ThreadOptions{.name = name_}, std::move(body)).ok()) return;
    } catch (...) {
      leave();
      throw;
    }
    body();
  }

  /// Waits until all functions have ended; then throws the first exception, once.
  void wait() { static_cast<void>(wait_until(kNever)); }
  /// False if the deadline came first.
  bool wait_until(Deadline deadline) {
    if (!wait_for_all(deadline)) return false;
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return true;
  }
  bool wait_for(Duration duration) { return wait_until(duration.from_now()); }
  /// How many functions have not ended.
  [[nodiscard]] std::size_t running() const {
    const Section section;
    return running_;
  }

 private:
  template <class F>
  struct Body {
    static_assert(sizeof(F) + sizeof(void*) <= detail::kLargestOnStack,
                  "capture large things by reference");
    TaskGroup* group;
    F function;
    void operator()() {
      const Member member(*group);
      try {
        F own = std::move(function);
        own();
      } catch (const Cancelled&) {
        throw;
      } catch (...) {
        group->note(std::current_exception());
      }
    }
  };
  class Member {
   public:
    explicit Member(TaskGroup& group) : group_(group) { group_.begin(node_); }
    ~Member() { group_.end(node_); }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

   private:
    TaskGroup& group_;
    MemberNode node_;
  };

  void enter();
  void leave();
  void begin(MemberNode& member);
  void end(MemberNode& member);
  void note(std::exception_ptr failure) {
    const Section section;
    if (!failure_) failure_ = std::move(failure);
  }
  bool wait_for_all(Deadline deadline);

  const char* name_;
  std::size_t running_ = 0;
  Members members_;  // the functions that run: begun and not ended
  std::exception_ptr failure_;
  WaitQueue waiters_;
};

}  // namespace spindle::thread
