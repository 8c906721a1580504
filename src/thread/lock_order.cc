#include "thread/lock_order.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "spindle/base/log.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"

namespace spindle::thread {
namespace {

std::string describe(LockUse use, const void* where) {
  return '"' + std::string(use.lock->name()) + "\" at " + describe_code(where);
}

constinit std::mutex orders_mutex;
constinit LockOrder* first_order = nullptr;

/// True if a thread that wants the first waits for one that has the second.
bool excludes(LockUse wanted, LockUse held) {
  return wanted.lock == held.lock && !(wanted.shares && held.shares);
}

}  // namespace

LockOrder::LockOrder(std::function<void(std::string_view)> report) : report_(std::move(report)) {
  const Section section;
  const std::lock_guard lock(orders_mutex);
  next_ = std::exchange(first_order, this);
}

LockOrder::~LockOrder() {
  const Section section;
  const std::lock_guard lock(orders_mutex);
  LockOrder** at = &first_order;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
}

void LockOrder::taken(const Control& by, LockUse use, const void* where, Taking taking) {
  std::vector<std::string> reports;
  {
    const std::lock_guard lock(orders_mutex);
    if (by.slot >= held_.size()) held_.resize(by.slot + 1);
    auto& held = held_[by.slot];
    for (const Held& first : held) {
      if (taking == Taking::kByTry || first.use.lock == use.lock) continue;
      std::string report = learn(by, first, {use, where});
      if (!report.empty()) reports.push_back(std::move(report));
    }
    held.push_back({use, where});
  }
  // The callback may use locks itself.
  for (const std::string& report : reports) tell(report);
}

void LockOrder::released(const Control& by, const WaitQueue& lock) {
  const std::lock_guard guard(orders_mutex);
  if (by.slot >= held_.size()) return;
  auto& held = held_[by.slot];
  const auto at = std::find_if(held.rbegin(), held.rend(),
                               [&](const Held& one) { return one.use.lock == &lock; });
  if (at != held.rend()) held.erase(std::next(at).base());
}

void LockOrder::forget_everywhere(const WaitQueue& lock) {
  const std::lock_guard guard(orders_mutex);
  for (LockOrder* order = first_order; order != nullptr; order = order->next_) order->forget(lock);
}

void LockOrder::ends(const Control& thread) const {
  const std::lock_guard guard(orders_mutex);
  if (thread.slot >= held_.size() || held_[thread.slot].empty()) return;
  const Held& first = held_[thread.slot].front();
  report_misuse("ends and holds", *first.use.lock, "taken at " + describe_code(first.where));
}

void LockOrder::forget(const WaitQueue& lock) {
  for (const bool shares : {false, true}) {
    const LockUse gone{&lock, shares};
    const auto before = before_.find(&lock);
    if (before != before_.end()) {
      for (const LockUse& first : before->second) after_[first].erase(gone);
    }
    const auto after = after_.find(gone);
    if (after == after_.end()) continue;
    for (const auto& [second, edge] : after->second) before_[second.lock].erase(gone);
    after_.erase(after);
  }
  before_.erase(&lock);
}

std::string LockOrder::learn(const Control& by, const Held& first, const Held& second) {
  Edges& edges = after_[first.use];
  if (edges.contains(second.use)) return "";
  std::string report;
  if (const Edge* const opposite = path(second.use, first.use)) {
    ++inversions_;
    report = describe_inversion(by, first, second, *opposite);
  }
  edges.emplace(second.use, Edge{by.name, first.where, second.where});
  before_[second.use.lock].insert(first.use);
  return report;
}

const LockOrder::Edge* LockOrder::path(LockUse from, LockUse to) const {
  struct Step {
    LockUse wanted;
    const Edge* first;
  };
  std::set<LockUse> seen;
  std::vector<Step> ahead = {{from, nullptr}};
  while (!ahead.empty()) {
    const Step step = ahead.back();
    ahead.pop_back();
    if (excludes(step.wanted, to)) return step.first;
    if (!seen.insert(step.wanted).second) continue;
    for (const bool shares : {false, true}) {
      const LockUse held{step.wanted.lock, shares};
      const auto edges = after_.find(held);
      if (edges == after_.end() || !excludes(step.wanted, held)) continue;
      for (const auto& [next, edge] : edges->second) {
        ahead.push_back({next, step.first != nullptr ? step.first : &edge});
      }
    }
  }
  return nullptr;
}

std::string LockOrder::describe_inversion(const Control& by, const Held& first, const Held& second,
                                          const Edge& before) {
  return "lock order: thread \"" + std::string(by.name) + "\" takes " +
         describe(second.use, second.where) + " while it holds " +
         describe(first.use, first.where) + "; thread \"" + before.thread +
         "\" began the opposite order, holding one since " + describe_code(before.first_where) +
         " and taking the next at " + describe_code(before.second_where);
}

void LockOrder::tell(const std::string& report) const {
  if (report_) {
    report_(report);
  } else {
    log(LogLevel::kWarning, report);
  }
}

}  // namespace spindle::thread
