// Spindle's threads as an adapter of the benchmark suite: what suite.h asks of a library, with the
// default build (guard pages, names, statistics and deadlock detection on).
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "spindle/thread/barrier.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "spindle/thread/stream.h"
#include "spindle/thread/thread.h"

struct SpindleThreads {
  static constexpr const char* name = "spindle";

  using Thread = spindle::thread::Thread;

  /// The kind of stack, if given, is the policy, or "preempt": slices of 10 ms.
  template <class Options>
  static void run(const Options& options, void (*main)(void*), void* argument) {
    spindle::thread::Runtime::Options own;
    if (options.stack != 0) own.stack_size = options.stack;
    own.workers = static_cast<unsigned>(options.workers);
    if (options.stack_kind == "preempt") {
      own.preemption_ns = 10'000'000;
    } else if (!options.stack_kind.empty()) {
      own.policy = options.stack_kind;
    }
    auto runtime = spindle::thread::Runtime::create(std::move(own));
    if (!runtime.ok()) stop(runtime.error());
    const auto result = (*runtime)->run([=] { main(argument); });
    if (!result.ok()) stop(result.error());
  }

  /// The worker on which threads stay from now on; -1: any.
  static inline int home = -1;

  static Thread spawn(void (*function)(void*), void* argument) {
    spindle::thread::ThreadOptions options{.name = "worker"};
    options.pinned_to = home;
    return spindle::thread::spawn(options, [=] { function(argument); });
  }
  static void join(Thread& thread) { thread.join().take(); }
  static void yield() { spindle::thread::yield(); }

  using Mutex = spindle::thread::Mutex;
  struct Cond {
    spindle::thread::ConditionVariable condition;
    void wait(Mutex& mutex) { condition.wait(mutex); }
    void signal() { condition.notify_one(); }
    void broadcast() { condition.notify_all(); }
  };
  struct Sem {
    explicit Sem(long count) : semaphore(static_cast<std::size_t>(count)) {}
    void acquire() { semaphore.acquire(); }
    void release() { semaphore.release(); }
    spindle::thread::Semaphore semaphore;
  };
  using RwLock = spindle::thread::SharedMutex;
  struct Barrier {
    explicit Barrier(long parties) : barrier(static_cast<std::size_t>(parties)) {}
    void arrive() { barrier.arrive_and_wait(); }
    spindle::thread::Barrier barrier;
  };
  template <class T>
  struct Chan {
    explicit Chan(long capacity) : channel(static_cast<std::size_t>(capacity)) {}
    void send(T value) { channel.send(std::move(value)).take(); }
    T recv() { return channel.receive().take(); }
    spindle::thread::Channel<T> channel;
  };

  // All others stay on worker 0; the partner is one of worker 1.
  using Remote = Thread;
  static Remote spawn_remote(void (*function)(void*), void* argument) {
    spindle::thread::current_thread::pin_to(home = 0).take();
    spindle::thread::ThreadOptions options{.name = "remote"};
    options.pinned_to = 1;
    if (spindle::thread::Runtime::current()->workers() < 2) stop({EINVAL, "needs --workers 2"});
    return spindle::thread::spawn(options, [=] { function(argument); });
  }
  static void join_remote(Remote& remote) { remote.join().take(); }

  static void sleep_us(long duration_us) { spindle::thread::sleep_for(duration_us * 1000); }

  struct Stream {
    explicit Stream(int descriptor) : fd(descriptor) {
      spindle::thread::set_nonblocking(fd).take();
    }
    ~Stream() { spindle::thread::close_descriptor(fd); }
    long read(void* to, std::size_t size) const {
      const auto count = spindle::thread::read_some(fd, {static_cast<std::byte*>(to), size});
      return count.ok() ? static_cast<long>(*count) : -1;
    }
    long write(const void* from, std::size_t size) const {
      const bool ok =
          spindle::thread::write_all(fd, {static_cast<const std::byte*>(from), size}).ok();
      return ok ? static_cast<long>(size) : -1;
    }
    int fd;
  };

 private:
  [[noreturn]] static void stop(const spindle::Error& error) {
    std::fprintf(stderr, "spindle: %s\n", error.describe().c_str());
    std::exit(3);
  }
};
