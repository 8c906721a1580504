#include "thread/lock_order.h"

#include <algorithm>

#include "spindle/base/log.h"
#include "spindle/thread/inspect.h"

namespace spindle::thread {
namespace {

std::string describe(const WaitQueue& lock, const void* where) {
  return '"' + std::string(lock.name()) + "\" at " + describe_code(where);
}

}  // namespace

void LockOrder::taken(const Control& by, const WaitQueue& lock, const void* where,
                      bool waited_for) {
  if (by.slot >= held_.size()) held_.resize(by.slot + 1);
  auto& held = held_[by.slot];
  for (const Held& first : held) {
    if (waited_for && first.lock != &lock) learn(by, first, {&lock, where});
  }
  held.push_back({&lock, where});
}

void LockOrder::released(const Control& by, const WaitQueue& lock) {
  if (by.slot >= held_.size()) return;
  auto& held = held_[by.slot];
  const auto at =
      std::find_if(held.rbegin(), held.rend(), [&](const Held& one) { return one.lock == &lock; });
  if (at != held.rend()) held.erase(std::next(at).base());
}

void LockOrder::forget(const WaitQueue& lock) {
  const auto before = before_.find(&lock);
  if (before != before_.end()) {
    for (const WaitQueue* first : before->second) after_[first].erase(&lock);
    before_.erase(before);
  }
  const auto after = after_.find(&lock);
  if (after == after_.end()) return;
  for (const auto& [second, edge] : after->second) before_[second].erase(&lock);
  after_.erase(after);
}

void LockOrder::learn(const Control& by, const Held& first, const Held& second) {
  Edges& edges = after_[first.lock];
  if (edges.contains(second.lock)) return;
  const Edge* const opposite = path(second.lock, first.lock);
  if (opposite != nullptr) report(by, first, second, *opposite);
  after_[first.lock].emplace(second.lock, Edge{by.name, first.where, second.where});
  before_[second.lock].insert(first.lock);
}

const LockOrder::Edge* LockOrder::path(const WaitQueue* from, const WaitQueue* to) const {
  const auto begin = after_.find(from);
  if (begin == after_.end()) return nullptr;
  for (const auto& [next, edge] : begin->second) {
    std::unordered_set<const WaitQueue*> seen;
    std::vector<const WaitQueue*> ahead = {next};
    while (!ahead.empty()) {
      const WaitQueue* const lock = ahead.back();
      ahead.pop_back();
      if (lock == to) return &edge;
      const auto edges = after_.find(lock);
      if (!seen.insert(lock).second || edges == after_.end()) continue;
      for (const auto& [further, unused] : edges->second) ahead.push_back(further);
    }
  }
  return nullptr;
}

void LockOrder::report(const Control& by, const Held& first, const Held& second,
                       const Edge& before) {
  ++inversions_;
  const std::string text = "lock order: thread \"" + std::string(by.name) + "\" takes " +
                           describe(*second.lock, second.where) + " while it holds " +
                           describe(*first.lock, first.where) + "; thread \"" + before.thread +
                           "\" began the opposite order, holding one since " +
                           describe_code(before.first_where) + " and taking the next at " +
                           describe_code(before.second_where);
  if (report_) {
    report_(text);
  } else {
    log(LogLevel::kWarning, text);
  }
}

}  // namespace spindle::thread
