// Section: a stretch of code during which no other thread of the runtime enters a Section.
//
// On one worker without preemption no other thread runs between two waits anyway, and a Section
// costs a test of a flag. With several workers it keeps the other workers out, and with preemption
// it puts the timer's signal off. The library's primitives use it; so should primitives of your own
// on a WaitQueue, and code that shares data among threads:
//
//   const Section section;
//   while (items.empty()) arrivals.wait();   // another thread may enter its section meanwhile
//   items.pop_front();
//
// Sections nest. A wait or a yield inside a section lets other threads in, and so does making a
// thread under "child-first"; afterwards the thread is in its section again. InterruptsOff only
// puts preemption off, as courses teach it, and keeps no other worker out; each thread has a state
// of its own, which it keeps over waits and yields.
#pragma once

namespace spindle::thread {

namespace detail {
/// True on the kernel threads of a runtime that has several workers or preemption.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local bool sections_guarded;
void enter_section();
void leave_section();
void turn_interrupts_off();
void turn_interrupts_on();
}  // namespace detail

class Section {
 public:
  Section() : guarded_(detail::sections_guarded) {
    if (__builtin_expect(guarded_, 0)) detail::enter_section();
  }
  ~Section() {
    if (__builtin_expect(guarded_, 0)) detail::leave_section();
  }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

 private:
  const bool guarded_;
};

class InterruptsOff {
 public:
  InterruptsOff() { detail::turn_interrupts_off(); }
  ~InterruptsOff() { detail::turn_interrupts_on(); }
  InterruptsOff(const InterruptsOff&) = delete;
  InterruptsOff& operator=(const InterruptsOff&) = delete;
};

/// True where the calling thread cannot be preempted: in a Section, with interrupts off, or in a
/// runtime without preemption.
bool interrupts_are_off();

}  // namespace spindle::thread
