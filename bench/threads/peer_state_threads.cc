// State Threads: N:1, no preemption. yield is st_usleep(0), the documented way in this version.
// It has no semaphore, barrier, rwlock or channel; its condition variable takes no mutex.
#include "suite.h"

#include <st.h>

namespace {

struct StateThreads {
  static constexpr const char* name = "state-threads";
  static inline int stack = 0;

  static void run(const thread_bench::Options& o, void (*main)(void*), void* arg) {
    st_set_eventsys(ST_EVENTSYS_ALT);  // epoll
    if (st_init() != 0) thread_bench::fail("st_init");
    stack = int(o.stack);
    main(arg);
  }

  struct Start {
    void (*fn)(void*);
    void* arg;
  };
  struct Thread {
    st_thread_t t = nullptr;
    std::unique_ptr<Start> start;
  };
  static Thread spawn(void (*fn)(void*), void* arg) {
    Thread h;
    h.start = std::make_unique<Start>(Start{fn, arg});
    h.t = st_thread_create(
        [](void* p) -> void* {
          auto* s = static_cast<Start*>(p);
          s->fn(s->arg);
          return nullptr;
        },
        h.start.get(), 1, stack);
    if (!h.t) thread_bench::fail("st_thread_create");
    return h;
  }
  static void join(Thread& h) {
    if (st_thread_join(h.t, nullptr) != 0) thread_bench::fail("st_thread_join");
    h.start.reset();
  }
  static void yield() { st_usleep(0); }

  struct Mutex {
    st_mutex_t m = st_mutex_new();
    ~Mutex() { st_mutex_destroy(m); }
    void lock() {
      if (st_mutex_lock(m) != 0) thread_bench::fail("st_mutex_lock");
    }
    void unlock() { st_mutex_unlock(m); }
  };
  struct Cond {
    st_cond_t c = st_cond_new();
    ~Cond() { st_cond_destroy(c); }
    void wait(Mutex& m) {
      m.unlock();  // nothing else runs before st_cond_wait blocks
      st_cond_wait(c);
      m.lock();
    }
    void signal() { st_cond_signal(c); }
    void broadcast() { st_cond_broadcast(c); }
  };
  static void sleep_us(long us) { st_usleep(st_utime_t(us)); }
  struct Stream {
    explicit Stream(int fd) : fd(st_netfd_open_socket(fd)) {}
    ~Stream() { st_netfd_close(fd); }
    long read(void* p, std::size_t n) { return st_read(fd, p, n, ST_UTIME_NO_TIMEOUT); }
    long write(const void* p, std::size_t n) { return st_write(fd, p, n, ST_UTIME_NO_TIMEOUT); }
    st_netfd_t fd;
  };
};

}  // namespace

int main(int argc, char** argv) {
  return thread_bench::run_all<StateThreads>(argc, argv);
}
