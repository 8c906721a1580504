// Passage and StoppedWorld: what each of several workers does alone, and how to stop them all.
//
// In a Section one worker keeps all others out. Most of what the scheduler does at a switch only
// needs that nobody looks at the thread meanwhile: making one, putting it in the worker's own
// queue, taking the next, ending. That is done in a Passage, by all workers at the same time.
// Whoever looks at all threads stops the world first, in a Section.
//
//   const Passage passage;                 const Section section;
//   scheduler.yield(self);                 const StoppedWorld stopped(scheduler);
//
// With one worker, a passage costs a test of a flag and stopping the world nothing. While
// everything has to be done in sections (Scheduler::passes), a passage is a section. Nothing in a
// passage may enter a section.
#pragma once

#include "spindle/thread/section.h"

namespace spindle::thread {

class Scheduler;

namespace detail {
void enter_passage();
void leave_passage();
}  // namespace detail

class Passage {
 public:
  Passage() : guarded_(detail::sections_guarded) {
    if (__builtin_expect(guarded_, 0)) detail::enter_passage();
  }
  ~Passage() {
    if (__builtin_expect(guarded_, 0)) detail::leave_passage();
  }
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

 private:
  const bool guarded_;
};

class StoppedWorld {
 public:
  explicit StoppedWorld(const Scheduler& scheduler);
  ~StoppedWorld();
  StoppedWorld(const StoppedWorld&) = delete;
  StoppedWorld& operator=(const StoppedWorld&) = delete;

 private:
  Scheduler& scheduler_;
};

}  // namespace spindle::thread
