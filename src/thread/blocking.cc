#include "thread/blocking.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

constexpr std::size_t kMostLines = 100;

std::string quoted(const char* name) {
  return '"' + std::string(name) + '"';
}

// The next thread of the chain; null where it ends: nobody holds it, or a deadline will end it.
const Control* next_in_chain(const Control& thread) {
  const bool timed = thread.parked != nullptr && thread.parked->timer_index != 0;
  return thread.blocking == nullptr || timed ? nullptr : thread.blocking->by();
}

std::string describe_wait(const Control& thread) {
  std::string line = "  thread " + quoted(thread.name) + " (" + std::to_string(thread.id) + ')';
  const Blocking* const blocking = thread.blocking;
  const WaitQueue* wanted = nullptr;
  if (blocking != nullptr) {
    wanted = &blocking->wanted();
  } else if (thread.parked != nullptr) {
    wanted = thread.parked->queue;
  }
  if (wanted == nullptr) return line + " waits\n";
  line += " waits for " + std::string(to_string(wanted->kind())) + ' ' + quoted(wanted->name());
  if (blocking == nullptr) return line + '\n';
  if (blocking->where() != nullptr) line += " at " + describe_code(blocking->where());
  const Control* const by = blocking->by();
  const void* const taken_at = place_of_taking(blocking->holder());
  if (by == nullptr || taken_at == nullptr) return line + '\n';
  return line + ", held by " + quoted(by->name) + " since " + describe_code(taken_at) + '\n';
}

}  // namespace

std::string describe_code(const void* address) {
  Dl_info info;
  char offset[32];
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) {
    std::snprintf(offset, sizeof offset, "%p", address);
    return offset;
  }
  const void* base = info.dli_sname != nullptr ? info.dli_saddr : info.dli_fbase;
  std::snprintf(
      offset, sizeof offset, "+0x%zx",
      static_cast<std::size_t>(static_cast<const char*>(address) - static_cast<const char*>(base)));
  if (info.dli_sname == nullptr) {
    const char* slash = std::strrchr(info.dli_fname, '/');
    return std::string(slash == nullptr ? info.dli_fname : slash + 1) + offset;
  }
  int status = 0;
  char* demangled = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
  std::string text = std::string(demangled == nullptr ? info.dli_sname : demangled) + offset;
  std::free(demangled);
  return text;
}

bool closes_circle(const Control& self) {
  const Control* thread = next_in_chain(self);
  // A circle that was reported before and does not contain this thread is walked in vain.
  for (std::size_t steps = self.scheduler->live_threads(); thread != nullptr && steps > 0;
       --steps) {
    if (thread == &self) return true;
    thread = next_in_chain(*thread);
  }
  return false;
}

std::string describe_circle(const Control& self) {
  std::string text = "deadlock: these threads wait for one another\n";
  const Control* thread = &self;
  for (std::size_t lines = 0; lines < kMostLines; ++lines) {
    text += describe_wait(*thread);
    thread = thread->blocking->by();
    if (thread == &self) break;
  }
  return text;
}

std::string describe_waiting(const Scheduler& scheduler) {
  std::string text = "all threads are asleep and nothing can wake them\n";
  std::size_t lines = 0;
  for (std::uint32_t slot = 0; slot < scheduler.controls().size(); ++slot) {
    const Control& thread = scheduler.controls().at(slot);
    if (!is_live(thread) || thread.state != ThreadState::kWaiting) continue;
    if (++lines <= kMostLines) text += describe_wait(thread);
  }
  if (lines > kMostLines) text += "  and " + std::to_string(lines - kMostLines) + " more\n";
  return text;
}

void report_misuse(const char* what, const WaitQueue& lock, const Holder& holder) {
  const Control* const by = holding(holder);
  const char* const holder_name = by == nullptr ? "nobody" : by->name;
  // Where it was taken last, if it was let go of without a section.
  const void* const taken_at = by == nullptr ? nullptr : place_of_taking(holder);
  const std::string since = taken_at != nullptr ? " since " + describe_code(taken_at) : "";
  report_misuse(what, lock, "held by " + quoted(holder_name) + since);
}

void report_misuse(const char* what, const WaitQueue& lock, const std::string& state) {
  std::fprintf(stderr, "thread \"%s\" %s the %s \"%s\", %s\n", caller().name, what,
               std::string(to_string(lock.kind())).c_str(), lock.name(), state.c_str());
  std::abort();
}

Blocking::Blocking(const Holder& holder, const WaitQueue& wanted, const void* where,
                   bool may_report)
    : self_(calling_thread()), holder_(holder), wanted_(wanted), where_(where) {
  self_.blocking = this;
  if (may_report && closes_circle(self_)) self_.scheduler->report_circle(self_);
  if (self_.scheduler->priorities_differ()) self_.scheduler->donate(self_);
}

void Blocking::ended(bool woken) {
  Control* const holder = by();
  self_.blocking = nullptr;
  const bool takes_back = !woken && holder != nullptr && holder != &nobody;
  if (takes_back && self_.scheduler->priorities_differ()) self_.scheduler->settle(*holder);
}

}  // namespace spindle::thread
