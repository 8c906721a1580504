// GNU Pth: N:1, no preemption. It has no semaphore and no bounded channel.
#include "suite.h"

#include <pth.h>

namespace {

struct Pth {
  static constexpr const char* name = "gnu-pth";
  static inline pth_attr_t attr;

  static void run(const thread_bench::Options& o, void (*main)(void*), void* arg) {
    if (!pth_init()) thread_bench::fail("pth_init");
    attr = pth_attr_new();
    pth_attr_set(attr, PTH_ATTR_JOINABLE, TRUE);
    if (o.stack) pth_attr_set(attr, PTH_ATTR_STACK_SIZE, static_cast<unsigned int>(o.stack));
    main(arg);
  }

  struct Start {
    void (*fn)(void*);
    void* arg;
  };
  struct Thread {
    pth_t t = nullptr;
    std::unique_ptr<Start> start;
  };
  static Thread spawn(void (*fn)(void*), void* arg) {
    Thread h;
    h.start = std::make_unique<Start>(Start{fn, arg});
    h.t = pth_spawn(
        attr,
        [](void* p) -> void* {
          auto* s = static_cast<Start*>(p);
          s->fn(s->arg);
          return nullptr;
        },
        h.start.get());
    if (!h.t) thread_bench::fail("pth_spawn");
    return h;
  }
  static void join(Thread& h) {
    if (!pth_join(h.t, nullptr)) thread_bench::fail("pth_join");
    h.start.reset();
  }
  static void yield() { pth_yield(nullptr); }

  struct Mutex {
    pth_mutex_t m;
    Mutex() { pth_mutex_init(&m); }
    void lock() { pth_mutex_acquire(&m, FALSE, nullptr); }
    void unlock() { pth_mutex_release(&m); }
  };
  struct Cond {
    pth_cond_t c;
    Cond() { pth_cond_init(&c); }
    void wait(Mutex& m) { pth_cond_await(&c, &m.m, nullptr); }
    void signal() { pth_cond_notify(&c, FALSE); }
    void broadcast() { pth_cond_notify(&c, TRUE); }
  };
  struct RwLock {
    pth_rwlock_t l;
    RwLock() { pth_rwlock_init(&l); }
    void lock_shared() { pth_rwlock_acquire(&l, PTH_RWLOCK_RD, FALSE, nullptr); }
    void unlock_shared() { pth_rwlock_release(&l); }
  };
  struct Barrier {
    pth_barrier_t b;
    explicit Barrier(long n) { pth_barrier_init(&b, int(n)); }
    void arrive() { pth_barrier_reach(&b); }
  };
  static void sleep_us(long us) { pth_nap(pth_time(us / 1000000, us % 1000000)); }
  struct Stream {
    explicit Stream(int fd) : fd(fd) {}
    ~Stream() { ::close(fd); }
    long read(void* p, std::size_t n) { return pth_read(fd, p, n); }
    long write(const void* p, std::size_t n) { return pth_write(fd, p, n); }
    int fd;
  };
};

}  // namespace

int main(int argc, char** argv) {
  return thread_bench::run_all<Pth>(argc, argv);
}
