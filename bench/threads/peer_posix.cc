// POSIX threads: the kernel reference.
#include "suite.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

namespace {

struct Pthreads {
  static constexpr const char* name = "pthreads";
  static inline pthread_attr_t attr;

  static void run(const thread_bench::Options& o, void (*main)(void*), void* arg) {
    pthread_attr_init(&attr);
    if (o.stack) pthread_attr_setstacksize(&attr, o.stack);
    if (o.stack_kind == "unguarded") pthread_attr_setguardsize(&attr, 0);
    main(arg);
  }

  struct Start {
    void (*fn)(void*);
    void* arg;
  };
  struct Thread {
    pthread_t t{};
    std::unique_ptr<Start> start;
  };
  static Thread spawn(void (*fn)(void*), void* arg) {
    Thread h;
    h.start = std::make_unique<Start>(Start{fn, arg});
    int e = pthread_create(
        &h.t, &attr,
        [](void* p) -> void* {
          auto* s = static_cast<Start*>(p);
          s->fn(s->arg);
          return nullptr;
        },
        h.start.get());
    if (e) {
      errno = e;
      thread_bench::fail("pthread_create");
    }
    return h;
  }
  static void join(Thread& h) {
    pthread_join(h.t, nullptr);
    h.start.reset();
  }
  static void yield() { sched_yield(); }

  struct Mutex {
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    void lock() { pthread_mutex_lock(&m); }
    void unlock() { pthread_mutex_unlock(&m); }
  };
  struct Cond {
    pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    void wait(Mutex& m) { pthread_cond_wait(&c, &m.m); }
    void signal() { pthread_cond_signal(&c); }
    void broadcast() { pthread_cond_broadcast(&c); }
  };
  struct Sem {
    explicit Sem(long n) { sem_init(&s, 0, unsigned(n)); }
    ~Sem() { sem_destroy(&s); }
    void acquire() { sem_wait(&s); }
    void release() { sem_post(&s); }
    sem_t s;
  };
  struct RwLock {
    pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
    void lock_shared() { pthread_rwlock_rdlock(&l); }
    void unlock_shared() { pthread_rwlock_unlock(&l); }
  };
  struct Barrier {
    pthread_barrier_t b;
    explicit Barrier(long n) { pthread_barrier_init(&b, nullptr, unsigned(n)); }
    ~Barrier() { pthread_barrier_destroy(&b); }
    void arrive() { pthread_barrier_wait(&b); }
  };
  static void sleep_us(long us) { ::usleep(useconds_t(us)); }
  struct Stream {
    explicit Stream(int fd) : fd(fd) {}
    ~Stream() { ::close(fd); }
    long read(void* p, std::size_t n) { return ::read(fd, p, n); }
    long write(const void* p, std::size_t n) { return ::write(fd, p, n); }
    int fd;
  };
  using Remote = Thread;
  static Remote spawn_remote(void (*fn)(void*), void* arg) { return spawn(fn, arg); }
  static void join_remote(Remote& r) { join(r); }
};

}  // namespace

int main(int argc, char** argv) {
  return thread_bench::run_all<Pthreads>(argc, argv);
}
