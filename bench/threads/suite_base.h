// The contract between the thread benchmarks and the libraries that they measure: each benchmark is
// written once, and every library runs the same loop bodies. An adapter P is a struct with
//
//   static constexpr const char* name;
//   static void run(const Options&, void (*main)(void*), void*);   // enter the runtime
//   using Thread = ...;                                            // default-constructible,
//   movable static Thread spawn(void (*function)(void*), void* argument); static void
//   join(Thread&); static void yield();
//
// and, where the library has them, Mutex, Cond, Sem, RwLock, Barrier, Chan<T>, Stream, Remote and
// sleep_us; see the concepts below and the adapters. A Sem or a Chan that is missing is composed
// from Mutex and Cond, as that library's user would do, and the row is marked "composed".
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "harness.h"

namespace thread_bench {

template <class P>
concept HasMutex = requires {
  typename P::Mutex;
};
template <class P>
concept HasCond = requires {
  typename P::Cond;
}
&&HasMutex<P>;
template <class P>
concept HasSem = requires {
  typename P::Sem;
};
template <class P>
concept HasRwLock = requires {
  typename P::RwLock;
};
template <class P>
concept HasBarrier = requires {
  typename P::Barrier;
};
template <class P>
concept HasChan = requires {
  typename P::template Chan<long>;
};
template <class P>
concept HasSleep = requires {
  P::sleep_us(1L);
};
template <class P>
concept HasStream = requires {
  typename P::Stream;
};
template <class P>
concept HasRemote = requires {
  typename P::Remote;
};
template <class P>
concept HasYield = requires {
  P::yield();
};

template <class P>
class ComposedSem {
 public:
  explicit ComposedSem(long n) : n_(n) {}
  void acquire() {
    m_.lock();
    while (n_ == 0) c_.wait(m_);
    --n_;
    m_.unlock();
  }
  void release() {
    m_.lock();
    ++n_;
    c_.signal();
    m_.unlock();
  }

 private:
  typename P::Mutex m_;
  typename P::Cond c_;
  long n_;
};

template <class P, class T>
class ComposedChan {
 public:
  explicit ComposedChan(long cap)
      : rendezvous_(cap == 0), buf_(static_cast<std::size_t>(std::max(cap, 1L))) {}
  void send(T v) {
    m_.lock();
    while (count_ == buf_.size()) not_full_.wait(m_);
    buf_[(head_ + count_) % buf_.size()] = std::move(v);
    ++count_;
    const unsigned long mine = sent_++;
    not_empty_.signal();
    if (rendezvous_)
      while (received_ <= mine) taken_.wait(m_);
    m_.unlock();
  }
  T recv() {
    m_.lock();
    while (count_ == 0) not_empty_.wait(m_);
    T v = std::move(buf_[head_]);
    head_ = (head_ + 1) % buf_.size();
    --count_;
    ++received_;
    if (rendezvous_) taken_.signal();
    not_full_.signal();
    m_.unlock();
    return v;
  }

 private:
  typename P::Mutex m_;
  typename P::Cond not_full_, not_empty_, taken_;
  bool rendezvous_;
  std::vector<T> buf_;
  std::size_t head_ = 0, count_ = 0;
  unsigned long sent_ = 0, received_ = 0;
};

template <class P>
struct SemChoice {
  using type = ComposedSem<P>;
};
template <HasSem P>
struct SemChoice<P> {
  using type = typename P::Sem;
};
template <class P>
using SemOf = typename SemChoice<P>::type;
template <class P>
inline constexpr bool can_sem = HasSem<P> || HasCond<P>;

// Opens once; everyone blocked on it goes on.
template <class P>
class Gate {
 public:
  void wait() {
    if constexpr (HasCond<P>) {
      m_.lock();
      while (!open_) c_.wait(m_);
      m_.unlock();
    } else {
      s_.acquire();
    }
  }
  void open(long waiters) {
    if constexpr (HasCond<P>) {
      m_.lock();
      open_ = true;
      c_.broadcast();
      m_.unlock();
    } else {
      for (long i = 0; i < waiters; ++i) s_.release();
    }
  }

 private:
  struct None {};
  template <class Q, bool>
  struct Parts {
    using M = None;
    using C = None;
  };
  template <class Q>
  struct Parts<Q, true> {
    using M = typename Q::Mutex;
    using C = typename Q::Cond;
  };
  struct NoSem {
    explicit NoSem(long) {}
    void acquire() {}
    void release() {}
  };
  template <class Q, bool>
  struct SemPart {
    using S = NoSem;
  };
  template <class Q>
  struct SemPart<Q, true> {
    using S = typename Q::Sem;
  };
  typename Parts<P, HasCond<P>>::M m_;
  typename Parts<P, HasCond<P>>::C c_;
  typename SemPart<P, HasSem<P> && !HasCond<P>>::S s_{0};
  bool open_ = false;
};

template <class P, class T>
struct ChanChoice {
  using type = ComposedChan<P, T>;
};
template <HasChan P, class T>
struct ChanChoice<P, T> {
  using type = typename P::template Chan<T>;
};
template <class P, class T>
using ChanOf = typename ChanChoice<P, T>::type;
template <class P>
inline constexpr bool can_chan = HasChan<P> || HasCond<P>;

/// What all the groups of benchmarks use.
template <class P>
struct Bench {
  using Thread = typename P::Thread;

  // Runs a callable as a thread; the callable must outlive the join.
  template <class F>
  static Thread go(F& f) {
    return P::spawn([](void* p) { (*static_cast<F*>(p))(); }, &f);
  }

  template <class F>
  static std::function<void(Context&)> inside(F f) {
    return [f](Context& context) {
      auto body = [&] { f(context); };
      using B = decltype(body);
      P::run(
          context.options(), [](void* p) { (*static_cast<B*>(p))(); }, &body);
    };
  }

  static void nothing(void*) {}

  // Lets the main thread pass time while others run, in libraries with and without yield.
  static void idle() {
    if constexpr (HasYield<P>)
      P::yield();
    else
      ::usleep(1000);
  }
};

}  // namespace thread_bench
