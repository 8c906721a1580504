// The context switch alone, in each of its versions: with the assembly of this machine, with that
// of AArch64 if there are a cross compiler and an emulator, and with ucontext.
#include <unwind.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "thread/context.h"

using namespace spindle::thread;

#if !defined(SPINDLE_UCONTEXT)
extern "C" void spindle_call_below(void* stack_pointer, void (*function)(void*), void* argument);
#endif

namespace {

constexpr std::size_t kStackBytes = 128 * 1024;
constexpr int kRounds = 1000;

Context home, away;
int rounds_away = 0;
std::uintptr_t frame_away = 0;
bool caught_away = false;
bool ends_next = false;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::exit(1);
}

// More values than a call keeps in registers are alive across each switch.
template <class Switch>
void keep_many_values(std::uint64_t seed, Switch go) {
  std::uint64_t a = seed, b = a + 1, c = b + 1, d = c + 1, e = d + 1, f = e + 1, g = f + 1,
                h = g + 1;
  double p = 0.5 * static_cast<double>(seed), q = p + 1, r = q + 1, s = r + 1, t = s + 1, u = t + 1;
  for (int round = 0; round < kRounds; ++round) {
    go();
    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h));
    ++a, ++b, ++c, ++d, ++e, ++f, ++g, ++h;
    p += 1, q += 1, r += 1, s += 1, t += 1, u += 1;
  }
  const std::uint64_t whole = 8 * (seed + kRounds) + 28;
  expect(a + b + c + d + e + f + g + h == whole, "integers are kept over a switch");
  const double parts = 6 * (0.5 * static_cast<double>(seed) + kRounds) + 15;
  expect(p + q + r + s + t + u == parts, "floating-point numbers are kept over a switch");
}

[[gnu::noinline]] void wait_at_depth(int depth) {
  volatile int room = depth;
  if (depth > 0) {
    wait_at_depth(depth - 1);
  } else {
    switch_context(away, home);
  }
  room = room + 1;
}

void away_main() {
  alignas(16) volatile char frame[16] = {};
  frame_away = reinterpret_cast<std::uintptr_t>(&frame[0]);
  keep_many_values(1000, [] {
    ++rounds_away;
    switch_context(away, home);
  });
  try {
    wait_at_depth(0);
    throw 42;
  } catch (int value) {
    switch_context(away, home);  // the other context throws and catches meanwhile
    caught_away = value == 42;
  }
  wait_at_depth(20);
  ends_next = true;
  leave_context(home);
}

#if !defined(SPINDLE_UCONTEXT)
_Unwind_Reason_Code count_frame(_Unwind_Context*, void* count) {
  return ++*static_cast<int*>(count) < 1000 ? _URC_NO_REASON : _URC_END_OF_STACK;
}
void count_frames(void* count) {
  _Unwind_Backtrace(count_frame, count);
}
#endif

}  // namespace

int main() {
  const auto stack = std::make_unique<char[]>(kStackBytes);
  const auto top =
      (reinterpret_cast<std::uintptr_t>(stack.get()) + kStackBytes) & ~std::uintptr_t{15};
  enter_context(home, away, stack.get(), reinterpret_cast<void*>(top), away_main);
  expect(frame_away % 16 == 0, "the stack is aligned");
  expect(rounds_away == 1, "the function has begun");
  keep_many_values(5, [] {
    if (rounds_away < kRounds) switch_context(home, away);
  });
  switch_context(home, away);  // now it waits in wait_at_depth(0)
  switch_context(home, away);  // in its handler
  try {
    throw std::size_t{7};
  } catch (std::size_t) {
    switch_context(home, away);
  }
  expect(caught_away, "an exception is caught on the stack where it was thrown");
#if !defined(SPINDLE_UCONTEXT)
  int frames = 0;
  spindle_call_below(away.stack_pointer, count_frames, &frames);
  expect(frames >= 21 && frames < 40, "a stack can be unwound from where it was left, to its end");
#endif
  switch_context(home, away);
  expect(ends_next, "the context was left for good");
  return 0;
}
