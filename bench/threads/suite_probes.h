// Probes: what happens when a thread misbehaves. Each passes or fails.
#pragma once

#include <atomic>
#include <csignal>
#include <cstring>

#include "suite_base.h"

namespace thread_bench {

template <class P>
class Probes : protected Bench<P> {
  using Thread = typename P::Thread;
  using Bench<P>::go;
  using Bench<P>::idle;
  using Bench<P>::nothing;

 public:
  // A thread spins without ever yielding; can another one run on the same worker?
  static void probe_preempt(Context& context) {
    std::atomic<bool> spinning{false}, flag{false};
    double waited = -1;
    auto spinner = [&] {
      spinning.store(true);
      const auto t0 = now_ns();
      while (!flag.load() && now_ns() - t0 < 1'000'000'000) {
      }
      if (flag.load()) waited = static_cast<double>(now_ns() - t0) / 1e6;
    };
    auto setter = [&] {
      while (!spinning.load()) idle();  // whichever of the two is run first
      flag.store(true);
    };
    Thread a = go(spinner), b = go(setter);
    P::join(a);
    P::join(b);
    if (waited < 0)
      context.emit_text("preempts", "no");
    else
      context.emit("preempts_after", "ms", waited);
  }

  // Two threads take two locks in opposite order.
  static void probe_deadlock(Context& context) {
    if constexpr (HasMutex<P> && HasYield<P>) {
      typename P::Mutex m1, m2;
      auto take = [](auto& x, auto& y) {
        x.lock();
        for (int i = 0; i < 1000; ++i) P::yield();
        y.lock();
        y.unlock();
        x.unlock();
      };
      auto a_body = [&] { take(m1, m2); };
      auto b_body = [&] { take(m2, m1); };
      Thread a = go(a_body), b = go(b_body);
      P::join(a);
      P::join(b);
      context.emit_text("deadlock", "returned");
    }
  }

  // A thread locks a plain mutex twice.
  static void probe_relock(Context& context) {
    if constexpr (HasMutex<P>) {
      typename P::Mutex m;
      auto body = [&] {
        m.lock();
        m.lock();
        context.emit_text("relock", "allowed");
      };
      Thread a = go(body);
      P::join(a);
    }
  }

  // A thread writes past the low end of its stack; run with --stack 65536. A fault at the very
  // frame being written means a guard page; a fault anywhere else means something was overwritten.
  static inline const volatile char* volatile frame_now = nullptr;
  static inline int report_fd = -1;

  static void on_fault(int, siginfo_t* info, void*) {
    const auto distance =
        static_cast<const char*>(info->si_addr) - const_cast<const char*>(frame_now);
    static const char guard[] = "T\toverflow\t-\tcaught at the guard\n";
    static const char stray[] = "T\toverflow\t-\tcrashed elsewhere\n";
    const bool at_guard = distance > -4096 && distance < 4096;
    [[maybe_unused]] auto n = at_guard ? ::write(report_fd, guard, sizeof guard - 1)
                                       : ::write(report_fd, stray, sizeof stray - 1);
    _exit(0);
  }
  static void probe_overflow(Context& context) {
    const long bytes = context.param("probe.overflow.bytes", 65536 + 8192);
    static char handler_stack[65536];
    report_fd = context.fd();
    std::atomic<int> neighbours{0};
    Gate<P> never;
    auto quiet = [&] {
      neighbours.fetch_add(1);
      if constexpr (can_sem<P>) never.wait();
    };
    auto body = [&] {
      while (neighbours.load() < 8) idle();  // live stacks on both sides
      stack_t alt{};  // belongs to the kernel thread, so it is set on the one that will fault
      alt.ss_sp = handler_stack;
      alt.ss_size = sizeof handler_stack;
      sigaltstack(&alt, nullptr);
      struct sigaction sa {};
      sa.sa_sigaction = on_fault;
      sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
      sigaction(SIGSEGV, &sa, nullptr);
      sigaction(SIGBUS, &sa, nullptr);
      dig(bytes);
      context.emit_text("overflow", "unnoticed");
      _exit(0);
    };
    std::vector<Thread> t;
    for (int i = 0; i < 4; ++i) t.push_back(go(quiet));
    Thread v = go(body);
    for (int i = 0; i < 4; ++i) t.push_back(go(quiet));
    P::join(v);
  }
  __attribute__((noinline)) static long dig(long left) {
    volatile char frame[512];
    frame_now = frame;
    std::memset(const_cast<char*>(frame), 1, sizeof frame);
    const long deeper = left > 512 ? dig(left - 512) : 0;
    return deeper + frame[17];
  }
};

}  // namespace thread_bench
