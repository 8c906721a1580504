// Boost.Fiber. workers 1: round_robin; more: work_stealing with suspension.
// --stack-kind fixed (malloc, the default) | pooled (one-worker only) | guarded.
#include "suite.h"

#include <boost/fiber/all.hpp>

#include <thread>

namespace {

namespace bf = boost::fibers;

struct BoostFiber {
  static constexpr const char* name = "boost-fiber";

  enum class Kind { fixed, pooled, guarded };
  static inline Kind kind = Kind::fixed;
  static inline std::size_t stack = bf::fixedsize_stack::traits_type::default_size();
  static inline std::optional<bf::pooled_fixedsize_stack> pool;

  static void run(const thread_bench::Options& o, void (*main)(void*), void* arg) {
    if (o.stack) stack = o.stack;
    if (o.stack_kind == "pooled") {
      kind = Kind::pooled;
      pool.emplace(stack);
    } else if (o.stack_kind == "guarded") {
      kind = Kind::guarded;
    }
    if (o.workers <= 1) {
      main(arg);
      return;
    }
    std::mutex m;
    bf::condition_variable_any done_cv;
    bool done = false;
    const auto workers = std::uint32_t(o.workers);
    std::vector<std::thread> helpers;
    for (int i = 1; i < o.workers; ++i)
      helpers.emplace_back([&] {
        bf::use_scheduling_algorithm<bf::algo::work_stealing>(workers, true);
        std::unique_lock lk(m);
        done_cv.wait(lk, [&] { return done; });
      });
    bf::use_scheduling_algorithm<bf::algo::work_stealing>(workers, true);
    main(arg);
    {
      std::unique_lock lk(m);
      done = true;
    }
    done_cv.notify_all();
    for (auto& h : helpers) h.join();
  }

  using Thread = bf::fiber;
  template <class Alloc>
  static Thread launch(Alloc&& alloc, void (*fn)(void*), void* arg) {
    return bf::fiber(bf::launch::post, std::allocator_arg, std::forward<Alloc>(alloc), fn, arg);
  }
  static Thread spawn(void (*fn)(void*), void* arg) {
    switch (kind) {
      case Kind::pooled:
        return launch(bf::pooled_fixedsize_stack(*pool), fn, arg);
      case Kind::guarded:
        return launch(bf::protected_fixedsize_stack(stack), fn, arg);
      default:
        return launch(bf::fixedsize_stack(stack), fn, arg);
    }
  }
  static void join(Thread& t) { t.join(); }
  static void yield() { boost::this_fiber::yield(); }

  using Mutex = bf::mutex;
  struct Cond {
    bf::condition_variable_any c;
    void wait(Mutex& m) { c.wait(m); }
    void signal() { c.notify_one(); }
    void broadcast() { c.notify_all(); }
  };
  struct Barrier {
    explicit Barrier(long n) : b(static_cast<std::size_t>(n)) {}
    void arrive() { b.wait(); }
    bf::barrier b;
  };
  // The buffered channel wants a power of two and keeps one slot free.
  template <class T>
  struct Chan {
    explicit Chan(long cap) {
      if (cap == 0)
        u.emplace();
      else
        b.emplace(static_cast<std::size_t>(std::max(cap, 2L)));
    }
    void send(T v) {
      if (u)
        u->push(std::move(v));
      else
        b->push(std::move(v));
    }
    T recv() { return u ? u->value_pop() : b->value_pop(); }
    std::optional<bf::unbuffered_channel<T>> u;
    std::optional<bf::buffered_channel<T>> b;
  };
  static void sleep_us(long us) { boost::this_fiber::sleep_for(std::chrono::microseconds(us)); }

  using Remote = std::thread;
  static Remote spawn_remote(void (*fn)(void*), void* arg) { return std::thread(fn, arg); }
  static void join_remote(Remote& r) { r.join(); }
};

}  // namespace

int main(int argc, char** argv) {
  return thread_bench::run_all<BoostFiber>(argc, argv);
}
