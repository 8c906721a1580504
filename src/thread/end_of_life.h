// How a thread's end and the thread that joins it come together: through one word, Control::end.
//
// It is null while the thread lives and nobody joins; then the queue where a joining thread waits;
// or one of the two marks. Of a thread that has ended only the Control is left, which belongs to
// whoever finds the mark, or to nobody if it was detached. With several workers the word is changed
// by atomic instructions; a queue is put there and taken away only in sections. Under child-first
// hardly any of the many threads is waited for when it ends: there the end needs no atomic
// instruction, and anybody else who changes the word stops the other workers first.
#pragma once

#include "spindle/thread/section.h"
#include "thread/control.h"

namespace spindle::thread {

extern WaitQueue end_was_reached;
extern WaitQueue end_is_nobodys;  // the thread was detached

inline bool has_ended(const Control& thread) {
  return thread.end.load(std::memory_order_acquire) == &end_was_reached;
}

WaitQueue* replace_end_among_several(Control& thread, WaitQueue* from, WaitQueue* to);

/// Called by others than the thread, in a section: replaces `from` by `to`. Returns what was there:
/// `from` if it was replaced.
inline WaitQueue* replace_end(Control& thread, WaitQueue* from, WaitQueue* to) {
  if (__builtin_expect(detail::sections_guarded, 0)) {
    return replace_end_among_several(thread, from, to);
  }
  WaitQueue* const before = thread.end.load(std::memory_order_relaxed);
  if (before == from) thread.end.store(to, std::memory_order_relaxed);
  return before;
}

}  // namespace spindle::thread
