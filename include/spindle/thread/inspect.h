// Looking at the threads of a runtime: what each does, what it waits for, how much stack it used.
//
// To be called on the runtime's own kernel thread: by one of its threads, by a callback, or before
// and after `run`. Also after `run` answered EDEADLK, to see who waits for what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/thread/runtime.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

enum class ThreadState : std::uint8_t { kReady, kRunning, kWaiting, kEnded };

struct ThreadInfo {
  std::uint64_t id = 0;
  std::string name;
  ThreadState state = ThreadState::kReady;
  WaitKind waits_for = WaitKind::kQueue;  ///< only if waiting
  std::string object_name;                ///< the name of what it waits for; may be empty
  const void* object = nullptr;           ///< the WaitQueue it waits on
  std::int64_t waiting_since_ns = 0;      ///< monotonic, as of the last look for events
  std::uint64_t held_by = 0;        ///< the id of a thread that holds it or goes before this one
  const void* wanted_at = nullptr;  ///< where in the code the lock is waited for,
  const void* taken_at = nullptr;   ///< and where that thread took it, or waits for it
  std::uint64_t switches = 0;       ///< how often it was given a worker
  std::int64_t cpu_time_ns = 0;     ///< if the runtime counts it, or a policy needs it
  int priority = 0;                 ///< donated priority included
  std::size_t stack_size = 0;       ///< bytes
  std::size_t stack_used = 0;       ///< bytes, at the deepest so far, rounded up to pages
};

/// In the order of ids. Ended threads are listed until they are joined.
std::vector<ThreadInfo> list_threads(const Runtime& runtime);

/// The return addresses on the thread's stack, innermost first, `most` at most: for the caller, and
/// for a thread that has run and now waits or is ready. Empty for others and for unknown ids.
std::vector<const void*> backtrace(const Runtime& runtime, std::uint64_t id, std::size_t most = 64);

/// All threads in words: a block for each, with what it waits for and its backtrace.
std::string describe_threads(const Runtime& runtime);

/// "function+0x12" if the symbol is known to the dynamic linker, else "program+0x1234".
std::string describe_code(const void* address);

std::string_view to_string(ThreadState state);
std::string_view to_string(WaitKind kind);

}  // namespace spindle::thread
