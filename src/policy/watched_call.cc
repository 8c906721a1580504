#include "watched_call.h"

#include <link.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>

#include "spindle/base/check.h"
#include "spindle/policy/policy_watch.h"
#include "wait_watch.h"

#if !defined(sigev_notify_thread_id)
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace spindle {
namespace {

constexpr long kTickNs = 100'000'000;
/// The tick once the time is up: a loop that calls other libraries is not long in its own code.
constexpr long kHastyTickNs = 1'000'000;
/// A second. The first tick in a call does not count: the call may just have begun.
constexpr int kMostSlowTicks = 10;
constexpr std::size_t kSignalStackSize = 64 * 1024;
constexpr std::size_t kMostRanges = 4096;
/// A fault so near to the stack pointer is one of the stack.
constexpr std::uintptr_t kNearStack = 64 * 1024;

/// Code of a library. Written once, before it is counted.
struct CodeRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  WatchedLibrary* library = nullptr;
};
std::array<CodeRange, kMostRanges> ranges;
std::atomic<std::size_t> range_count = 0;

thread_local WatchedCall* current_call = nullptr;
thread_local CallsOfThread calls;

/// Of this kernel thread; it goes by the processor time that the thread uses.
struct Timer {
  void tick_every(long period_ns) {
    const itimerspec period{{0, period_ns}, {0, period_ns}};
    ::timer_settime(id, 0, &period, nullptr);
    is_hasty = period_ns == kHastyTickNs;
  }
  timer_t id{};
  bool is_hasty = false;
};
thread_local Timer timer;

struct Registers {
  std::uintptr_t at = 0;
  std::uintptr_t stack = 0;
  std::uintptr_t caller = 0;  ///< where code goes back to that has pushed nothing yet
};

Registers registers_of(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  const auto stack = static_cast<std::uintptr_t>(machine.gregs[REG_RSP]);
  Registers registers{static_cast<std::uintptr_t>(machine.gregs[REG_RIP]), stack, 0};
  // The call that led nowhere has left its return address there.
  if (stack % sizeof(std::uintptr_t) == 0 && registers.at < 4096)
    registers.caller = *reinterpret_cast<const std::uintptr_t*>(stack);
  return registers;
#elif defined(__aarch64__)
  return {machine.pc, machine.sp, machine.regs[30]};
#else
  static_cast<void>(machine);
  return {};
#endif
}

const CodeRange* library_code_at(std::uintptr_t at) {
  const std::size_t count = range_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i)
    if (at >= ranges[i].begin && at < ranges[i].end) return &ranges[i];
  return nullptr;
}

const char* words_of(int signal, const siginfo_t* info, const Registers& registers) {
  if (signal == SIGFPE) return "divided by zero";
  if (signal == SIGILL) return "executed an illegal instruction";
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const bool is_stack =
      address + kNearStack >= registers.stack && address < registers.stack + kNearStack;
  return is_stack ? "filled its stack" : "used memory that is not there";
}

}  // namespace

struct WatchHandlers {
  static constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  static inline std::array<struct sigaction, kFaults.size()> previous;

  static int tick_signal() { return SIGRTMIN + 5; }
  static int wait_signal() { return SIGRTMIN + 6; }

  static void abandon(int signal, WatchedLibrary& library, const char* words) {
    // The jump leaves the handler, but not what is blocked while it runs.
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, signal);
    ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
    library.fault_.store(words, std::memory_order_relaxed);
    current_call->words_ = words;
    siglongjmp(current_call->back, 1);
  }

  static void on_tick(int signal, siginfo_t*, void* context) {
    const bool begins = current_call == nullptr || current_call->ticks_ == 0;
    if (begins && timer.is_hasty) timer.tick_every(kTickNs);
    if (current_call == nullptr) return;
    const int ticks = current_call->ticks_ + 1;
    current_call->ticks_ = ticks;
    if (ticks == 1 || ++current_call->library_.slow_ticks_ < kMostSlowTicks) return;
    const CodeRange* const code = library_code_at(registers_of(context).at);
    if (code == nullptr) {
      if (!timer.is_hasty) timer.tick_every(kHastyTickNs);
      return;
    }
    abandon(signal, *code->library,
            ticks > kMostSlowTicks ? "ran for a second and gave no answer"
                                   : "needed a second for slow answers");
  }

  static void on_wait(int signal, siginfo_t*, void* context) {
    if (current_call == nullptr || calls.late_call != calls.changes) return;
    if (registers_of(context).stack != calls.late_stack) return;
    abandon(signal, current_call->library_, "waited for a second and gave no answer");
  }

  static void on_fault(int signal, siginfo_t* info, void* context) {
    abandon_policy_call(signal, info, context);
    std::size_t i = 0;
    while (kFaults[i] != signal) ++i;
    if ((previous[i].sa_flags & SA_SIGINFO) != 0)
      return previous[i].sa_sigaction(signal, info, context);
    // Returning repeats what failed, this time with the answer that there was before.
    sigaction(signal, &previous[i], nullptr);
  }

  static bool install() {
    struct sigaction action = {};
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    action.sa_sigaction = on_tick;
    bool all = sigaction(tick_signal(), &action, nullptr) == 0;
    action.sa_sigaction = on_wait;
    all = sigaction(wait_signal(), &action, nullptr) == 0 && all;
    action.sa_sigaction = on_fault;
    for (std::size_t i = 0; i < kFaults.size(); ++i)
      all = sigaction(kFaults[i], &action, &previous[i]) == 0 && all;
    return all;
  }
};

void abandon_policy_call(int signal, const siginfo_t* info, const void* context) {
  if (current_call == nullptr) return;
  const Registers registers = registers_of(context);
  const CodeRange* code = library_code_at(registers.at);
  const bool leads_nowhere = (signal == SIGSEGV || signal == SIGBUS) &&
                             reinterpret_cast<std::uintptr_t>(info->si_addr) == registers.at;
  if (code == nullptr && leads_nowhere) code = library_code_at(registers.caller);
  if (code != nullptr)
    WatchHandlers::abandon(signal, *code->library, words_of(signal, info, registers));
}

namespace {

/// Of one kernel thread: its ticks, and a stack for handlers when its own is full.
class ThreadWatch {
 public:
  ThreadWatch() = default;
  ThreadWatch(const ThreadWatch&) = delete;
  ThreadWatch& operator=(const ThreadWatch&) = delete;
  ~ThreadWatch() {
    if (is_ticking_) {
      ::timer_delete(timer.id);
      end_watching_waits(calls);
    }
    if (!stack_) return;
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }

  void ensure() {
    if (!is_ticking_) start();
  }
  /// In the child of a fork there are no timers.
  void forked() { is_ticking_ = false; }

 private:
  void start() {
    static const bool is_installed = WatchHandlers::install();
    CHECK(is_installed);
    give_stack();
    // A fault that is blocked, as it is in threads that want no signals, ends the process.
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, WatchHandlers::tick_signal());
    sigaddset(&wanted, WatchHandlers::wait_signal());
    for (const int fault : WatchHandlers::kFaults) sigaddset(&wanted, fault);
    ::pthread_sigmask(SIG_UNBLOCK, &wanted, nullptr);
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = WatchHandlers::tick_signal();
    event.sigev_notify_thread_id = static_cast<pid_t>(::syscall(SYS_gettid));
    // Without a timer, only endless loops are not found.
    if (::timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer.id) != 0) return;
    is_ticking_ = true;
    watch_waits(calls, WatchHandlers::wait_signal());
    timer.tick_every(kTickNs);
  }

  void give_stack() {
    stack_t now = {};
    if (stack_ || ::sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
    stack_ = std::make_unique<char[]>(kSignalStackSize);
    stack_t stack = {};
    stack.ss_sp = stack_.get();
    stack.ss_size = kSignalStackSize;
    ::sigaltstack(&stack, nullptr);
  }

  std::unique_ptr<char[]> stack_;
  bool is_ticking_ = false;
};

thread_local ThreadWatch thread_watch;

int note_code(dl_phdr_info* info, std::size_t, void* raw) {
  const auto& [map, library] = *static_cast<std::pair<const link_map*, WatchedLibrary*>*>(raw);
  if (info->dlpi_addr != map->l_addr) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    const std::size_t count = range_count.load(std::memory_order_relaxed);
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 || count == kMostRanges)
      continue;
    ranges[count].begin = info->dlpi_addr + segment.p_vaddr;
    ranges[count].end = ranges[count].begin + segment.p_memsz;
    ranges[count].library = library;
    range_count.store(count + 1, std::memory_order_release);
  }
  return 1;
}

}  // namespace

WatchedCall::WatchedCall(WatchedLibrary& library) : library_(library), outer_(current_call) {
  thread_watch.ensure();
  current_call = this;
  calls.begin();
}

WatchedCall::~WatchedCall() {
  calls.end();
  current_call = outer_;
}

WatchedLibrary& watch_library(void* handle) {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { thread_watch.forked(); });
  CHECK(registered == 0);
  auto* const library = new WatchedLibrary;
  link_map* map = nullptr;
  if (::dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return *library;
  std::pair<const link_map*, WatchedLibrary*> wanted(map, library);
  ::dl_iterate_phdr(note_code, &wanted);
  return *library;
}

}  // namespace spindle
