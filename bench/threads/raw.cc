// Bare context switches, without a scheduler: what the switch itself costs, and what it costs to
// make and throw away a context. Each mechanism is two contexts resuming one another.
#include "harness.h"
#include "thread/context.h"

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>

#include <ucontext.h>
#include <coroutine>
#include <csetjmp>
#include <memory>
#include <utility>

namespace {

constexpr std::size_t kStack = 64 * 1024;

long switches(thread_bench::Context& c) {
  return c.count("switch.raw.n", 10'000'000);
}
long creates(thread_bench::Context& c) {
  return c.count("create.raw.n", 500'000);
}

// --- Spindle's own switch ---------------------------------------------------------------------

spindle::thread::Context own_main, own_other;

void own_switch(thread_bench::Context& context) {
  auto stack = std::make_unique<char[]>(kStack);
  const long n = switches(context);
  spindle::thread::enter_context(own_main, own_other, stack.get(), stack.get() + kStack, [] {
    for (;;) spindle::thread::switch_context(own_other, own_main);
  });
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) spindle::thread::switch_context(own_main, own_other);
  context.emit_rate("switch", stopwatch.lap(), 2.0 * double(n));
}

void own_create(thread_bench::Context& context) {
  auto stack = std::make_unique<char[]>(kStack);
  const long n = creates(context);
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) {
    spindle::thread::enter_context(own_main, own_other, stack.get(), stack.get() + kStack,
                                   [] { spindle::thread::leave_context(own_main); });
  }
  context.emit_rate("context", stopwatch.lap(), double(n));
}

// --- boost::context::detail::fcontext ------------------------------------------------------

namespace context = boost::context;

void fcontext_switch(thread_bench::Context& c) {
  using namespace context::detail;
  auto stack = std::make_unique<char[]>(kStack);
  fcontext_t f = make_fcontext(stack.get() + kStack, kStack, [](transfer_t t) {
    for (;;) t = jump_fcontext(t.fctx, nullptr);
  });
  const long n = switches(c);
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) f = jump_fcontext(f, nullptr).fctx;
  c.emit_rate("switch", stopwatch.lap(), 2.0 * double(n));
}

void fcontext_create(thread_bench::Context& c) {
  using namespace context::detail;
  auto stack = std::make_unique<char[]>(kStack);
  const long n = creates(c);
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) {
    fcontext_t f = make_fcontext(stack.get() + kStack, kStack,
                                 [](transfer_t t) { jump_fcontext(t.fctx, nullptr); });
    jump_fcontext(f, nullptr);
  }
  c.emit_rate("context", stopwatch.lap(), double(n));
}

// --- boost::context::fiber -------------------------------------------------------------------

void fiber_switch(thread_bench::Context& c) {
  const long n = switches(c);
  bool stop = false;
  context::fiber f([&stop](context::fiber&& caller) {
    while (!stop) caller = std::move(caller).resume();
    return std::move(caller);
  });
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) f = std::move(f).resume();
  c.emit_rate("switch", stopwatch.lap(), 2.0 * double(n));
  stop = true;
  f = std::move(f).resume();
}

void fiber_create(thread_bench::Context& c) {
  const long n = creates(c);
  context::pooled_fixedsize_stack pool(kStack);
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) {
    context::fiber f(std::allocator_arg, pool,
                     [](context::fiber&& caller) { return std::move(caller); });
    f = std::move(f).resume();
  }
  c.emit_rate("context", stopwatch.lap(), double(n));
}

// --- ucontext --------------------------------------------------------------------------------

ucontext_t u_main, u_other;

// Makes `u_other` begin with `entry` on the stack, and go on with `u_main` when that returns.
void make_other(char* stack, void (*entry)()) {
  getcontext(&u_other);
  u_other.uc_stack.ss_sp = stack;
  u_other.uc_stack.ss_size = kStack;
  u_other.uc_link = &u_main;
  makecontext(&u_other, entry, 0);
}

void ucontext_switch(thread_bench::Context& c) {
  auto stack = std::make_unique<char[]>(kStack);
  make_other(stack.get(), [] {
    for (;;) swapcontext(&u_other, &u_main);
  });
  const long n = switches(c) / 10;
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) swapcontext(&u_main, &u_other);
  c.emit_rate("switch", stopwatch.lap(), 2.0 * double(n));
}

void ucontext_create(thread_bench::Context& c) {
  auto stack = std::make_unique<char[]>(kStack);
  const long n = creates(c);
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) {
    make_other(stack.get(), [] {});
    swapcontext(&u_main, &u_other);
  }
  c.emit_rate("context", stopwatch.lap(), double(n));
}

// --- setjmp/longjmp, onto a stack first entered through ucontext -----------------------------

jmp_buf j_main, j_other;

void setjmp_switch(thread_bench::Context& c) {
  auto stack = std::make_unique<char[]>(kStack);
  make_other(stack.get(), [] {
    if (_setjmp(j_other) == 0) swapcontext(&u_other, &u_main);
    for (;;)
      if (_setjmp(j_other) == 0) _longjmp(j_main, 1);
  });
  swapcontext(&u_main, &u_other);
  const long n = switches(c);
  thread_bench::Stopwatch stopwatch;
  static long left;  // not a local: a longjmp may undo those
  for (left = n; left > 0; --left)
    if (_setjmp(j_main) == 0) _longjmp(j_other, 1);
  c.emit_rate("switch", stopwatch.lap(), 2.0 * double(n));
}

// --- C++20 coroutines: stackless, the compiler knows what is live ----------------------------

struct Task {
  struct promise_type {
    Task get_return_object() {
      return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> h;
};

struct SwitchTo {
  std::coroutine_handle<>& target;
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept { return target; }
  void await_resume() const noexcept {}
};

Task bounce(std::coroutine_handle<>& peer, long n) {
  for (long i = 0; i < n; ++i) co_await SwitchTo{peer};
}

// Two coroutines transfer straight to one another (symmetric transfer).
void coroutine_switch(thread_bench::Context& c) {
  const long n = switches(c);
  std::coroutine_handle<> a, b;
  Task ta = bounce(b, n), tb_ = bounce(a, n);
  a = ta.h;
  b = tb_.h;
  thread_bench::Stopwatch stopwatch;
  a.resume();
  c.emit_rate("switch", stopwatch.lap(), 2.0 * double(n));
  ta.h.destroy();
  tb_.h.destroy();
}

Task empty_coroutine(long& x) {
  ++x;
  co_return;
}

void coroutine_create(thread_bench::Context& c) {
  const long n = creates(c);
  long x = 0;
  thread_bench::Stopwatch stopwatch;
  for (long i = 0; i < n; ++i) {
    Task t = empty_coroutine(x);
    t.h.resume();
    t.h.destroy();
  }
  c.emit_rate("context", stopwatch.lap(), double(n));
}

}  // namespace

int main(int argc, char** argv) {
  return thread_bench::run_suite("raw", argc, argv,
                                 {{"switch.raw/spindle", own_switch},
                                  {"create.raw/spindle", own_create},
                                  {"switch.raw/fcontext", fcontext_switch},
                                  {"switch.raw/boost-context-fiber", fiber_switch},
                                  {"switch.raw/ucontext", ucontext_switch},
                                  {"switch.raw/setjmp", setjmp_switch},
                                  {"switch.raw/coroutine", coroutine_switch},
                                  {"create.raw/fcontext", fcontext_create},
                                  {"create.raw/boost-context-fiber", fiber_create},
                                  {"create.raw/ucontext", ucontext_create},
                                  {"create.raw/coroutine", coroutine_create}});
}
