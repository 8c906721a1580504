#include "thread/blocking.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "spindle/thread/section.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

constexpr std::size_t kMostLines = 100;
constexpr std::size_t kMostOwners = 8;

std::atomic<bool> exits = false;

std::string quoted(const char* name) {
  return '"' + std::string(name) + '"';
}

bool waits_for_ever(const Control& thread) {
  return thread.blocking != nullptr && is_parked(thread) && thread.parked->timer_index == 0;
}

/// True if some owner of what the thread wants is `self`, or waits without a deadline and leads on.
template <class LeadsOn>
bool any_owner(const Control& thread, const Control& self, LeadsOn leads_on) {
  bool found = false;
  thread.blocking->owners().for_each([&](const Holder& holder) {
    const Control* const owner = holding(holder);
    found = found || owner == &self || (waits_for_ever(*owner) && leads_on(*owner));
  });
  return found;
}

[[gnu::noinline]] bool two_steps_lead_on(const Control& self) {
  return any_owner(self, self, [&](const Control& owner) {
    return any_owner(owner, self, [](const Control&) { return true; });
  });
}

/// False for most, which then close no circle: after one or two steps comes a thread that goes on.
inline bool may_close_circle(const Control& self) {
  const Control* const owner = holding(self.blocking->owners().alone);
  const bool goes_on = owner != nullptr && owner != &self && owner->blocking == nullptr;
  return !goes_on && two_steps_lead_on(self);
}

/// The threads of the shortest circle that `self` closes, each of which waits for the next, and the
/// last for the first; empty if it closes none.
[[gnu::noinline]] std::vector<const Control*> circle_of(const Control& self) {
  std::vector<const Control*> ahead;
  std::unordered_map<const Control*, const Control*> waited_for_by;
  const Control* last = nullptr;
  const auto look_behind = [&](const Control& thread) {
    thread.blocking->owners().for_each([&](const Holder& holder) {
      const Control* const owner = holding(holder);
      if (owner == &self) last = &thread;
      if (owner == &self || !waits_for_ever(*owner)) return;
      if (waited_for_by.emplace(owner, &thread).second) ahead.push_back(owner);
    });
  };
  look_behind(self);
  for (std::size_t i = 0; last == nullptr && i < ahead.size(); ++i) look_behind(*ahead[i]);
  std::vector<const Control*> circle;
  for (; last != nullptr && last != &self; last = waited_for_by.at(last)) circle.push_back(last);
  if (last != nullptr) circle.push_back(&self);
  std::reverse(circle.begin(), circle.end());
  return circle;
}

/// The words for what an owner does with what is wanted.
const char* describe_owning(const WaitQueue& wanted, const Owners& owners) {
  if (wanted.kind() == WaitKind::kOnce) return "called by";
  if (holding(owners.alone) != nullptr) return "held by";
  return owners.writers != nullptr ? "behind" : "read by";
}

/// ", held by "Ann" since main+0x12"; of `only` alone, if it is given.
std::string describe_owners(const WaitQueue& wanted, const Owners& owners,
                            const Control* only = nullptr) {
  std::string text;
  std::size_t count = 0;
  owners.for_each([&](const Holder& holder) {
    const Control* const owner = holding(holder);
    const void* const taken_at = place_of_taking(holder);
    if (taken_at == nullptr || (only != nullptr && owner != only)) return;  // a join; another one
    if (++count > kMostOwners) return;
    text += std::string(", ") + describe_owning(wanted, owners) + ' ' + quoted(owner->name) +
            " since " + describe_code(taken_at);
    if (only != nullptr) count = kMostOwners;  // however often it reads
  });
  if (only == nullptr && count > kMostOwners) {
    text += " and by " + std::to_string(count - kMostOwners) + " more";
  }
  return text;
}

std::string described(const WaitQueue& wanted) {
  return std::string(to_string(wanted.kind())) + ' ' + quoted(wanted.name());
}

/// " for channel "a" or channel "b"".
std::string describe_parked(const Control& thread) {
  if (!is_parked(thread)) return {};
  const Selection* const selection = thread.parked->selection;
  if (selection == nullptr) return " for " + described(*thread.parked->queue);
  std::string text;
  for (std::size_t i = 0; i < selection->nodes.size(); ++i) {
    if (i == kMostOwners) {
      text += " or one of " + std::to_string(selection->nodes.size() - i) + " more";
      break;
    }
    text += (i == 0 ? " for " : " or ") + described(*selection->nodes[i]->queue);
  }
  return text;
}

/// `by`: the only owner to be named; null: all.
std::string describe_wait(const Control& thread, const Control* by = nullptr) {
  std::string line =
      "  thread " + quoted(thread.name) + " (" + std::to_string(thread.id) + ") waits";
  const Blocking* const blocking = thread.blocking;
  if (blocking == nullptr) return line + describe_parked(thread) + '\n';
  const WaitQueue& wanted = blocking->wanted();
  line += " for " + described(wanted);
  if (blocking->where() != nullptr) line += " at " + describe_code(blocking->where());
  return line + describe_owners(wanted, blocking->owners(), by) + '\n';
}

std::string describe_withheld(const Control& thread, const Scheduler& scheduler) {
  return "  thread " + quoted(thread.name) + " (" + std::to_string(thread.id) +
         ") is ready, but the policy " + quoted(std::string(scheduler.policy_name()).c_str()) +
         " does not give it\n";
}

std::string describe_circle(const std::vector<const Control*>& circle) {
  std::string text = "deadlock: these threads wait for one another\n";
  for (std::size_t i = 0; i < circle.size() && i < kMostLines; ++i) {
    text += describe_wait(*circle[i], circle[(i + 1) % circle.size()]);
  }
  return text;
}

[[gnu::noinline]] void report_if_circle(const Control& self) {
  const auto circle = circle_of(self);
  if (!circle.empty()) self.scheduler->report_circle(describe_circle(circle));
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

const WaitNode* Owners::writer_in_front() const {
  const WaitNode* node = writers->front();
  while (node != nullptr && node->timer_index != 0) node = node->next;
  // They stand in the order of their tickets.
  const bool is_in_front = node != nullptr && static_cast<const TicketNode&>(*node).ticket < ticket;
  return is_in_front ? node : nullptr;
}

bool closes_circle(const Control& self) {
  return may_close_circle(self) && !circle_of(self).empty();
}

std::string describe_waiting(const Scheduler& scheduler) {
  std::string text = "all threads are asleep and nothing can wake them\n";
  std::size_t lines = 0;
  for (std::uint32_t slot = 0; slot < scheduler.controls().size(); ++slot) {
    const Control& thread = scheduler.controls().at(slot);
    const bool waits = thread.state == ThreadState::kWaiting;
    if (!is_live(thread) || (!waits && !thread.in_policy)) continue;
    if (++lines > kMostLines) continue;
    text += waits ? describe_wait(thread) : describe_withheld(thread, scheduler);
  }
  if (lines > kMostLines) text += "  and " + std::to_string(lines - kMostLines) + " more\n";
  return text;
}

bool exit_has_begun() {
  return exits.load(std::memory_order_relaxed);
}

bool checks_what_goes() {
  return current_scheduler != nullptr && !exit_has_begun();
}

void watch_for_exit() {
  static const int watches = std::atexit([] { exits.store(true); });
  static_cast<void>(watches);
}

void report_misuse(const char* what, const WaitQueue& lock, const Owners& owners) {
  const std::string owned = describe_owners(lock, owners);
  // A lock that is not held still knows where it was taken last.
  report_misuse(what, lock, owned.empty() ? "held by \"nobody\"" : owned.substr(2));
}

void report_misuse(const char* what, const WaitQueue& lock, const std::string& state) {
  std::fprintf(stderr, "thread \"%s\" %s the %s \"%s\", %s\n", caller().name, what,
               std::string(to_string(lock.kind())).c_str(), lock.name(), state.c_str());
  std::abort();
}

Result<> to_result(LockOutcome outcome) {
  if (outcome == LockOutcome::kClosesCircle) {
    return Error{EDEADLK, "waiting would close a circle of waiting threads"};
  }
  if (outcome == LockOutcome::kTimedOut) return Error{ETIMEDOUT, "the wait was not over in time"};
  return {};
}

void note_vain_try() {
  if (current_control != nullptr) current_control->tried_in_vain = true;
}

bool take_vain_try(Control& self) {
  return std::exchange(self.tried_in_vain, false);
}

LockOutcome wait_for_lock(WaitNode& node, WaitQueue& queue, const Owners& owners,
                          const LockRequest& request) {
  node.interruptible = request.cancellable;
  request.in_front ? queue.enqueue_in_front(node) : queue.enqueue(node);
  const bool waits_for_ever = request.deadline == kNever && !request.checked;
  const ReportsCircle reports = waits_for_ever ? ReportsCircle::kYes : ReportsCircle::kNo;
  Blocking blocking(owners, queue, request.where, reports);
  if (request.checked && closes_circle(*node.thread)) {
    queue.withdraw(node);
    return LockOutcome::kClosesCircle;
  }
  if (!WaitQueue::park(node, request.deadline)) return LockOutcome::kTimedOut;
  blocking.ended_well();
  return LockOutcome::kTaken;
}

void note_taken(const LockUse& use, const void* where, Taking taking) {
  const Control& self = caller();
  self.scheduler->lock_order().taken(self, use, where, taking);
}

void note_released(const WaitQueue& lock) {
  const Control& self = caller();
  self.scheduler->lock_order().released(self, lock);
}

void check_holds_none(const Control& self) {
  const Section section;
  self.scheduler->lock_order().ends(self);
}

void forget_in_order(const WaitQueue& lock) {
  const Section section;
  LockOrder::forget_everywhere(lock);
}

Blocking::Blocking(const Owners& owners, const WaitQueue& wanted, const void* where,
                   ReportsCircle reports)
    : self_(calling_thread()), owners_(owners), wanted_(wanted), where_(where) {
  self_.blocking = this;
  if (reports == ReportsCircle::kYes && may_close_circle(self_)) report_if_circle(self_);
  if (!self_.scheduler->priorities_differ()) return;
  list(self_.scheduler->first_blocked());
  self_.scheduler->donate(self_);
}

Blocking::~Blocking() {
  self_.blocking = nullptr;
  if (listed_by_ != nullptr) {
    *listed_by_ = next_;
    if (next_ != nullptr) next_->listed_by_ = listed_by_;
  }
  if (ended_well_ || !self_.scheduler->priorities_differ()) return;
  owners_.for_each([&](const Holder& holder) {
    Control* const owner = holding(holder);
    if (owner != &nobody) self_.scheduler->settle(*owner);
  });
}

void Blocking::list(Blocking*& first) {
  if (listed_by_ != nullptr) return;
  next_ = std::exchange(first, this);
  if (next_ != nullptr) next_->listed_by_ = &next_;
  listed_by_ = &first;
}

bool Blocking::is_by(const Control& thread) const {
  bool found = false;
  owners_.for_each([&](const Holder& holder) { found = found || holding(holder) == &thread; });
  return found;
}

}  // namespace spindle::thread
