#include "reservations.h"

#include <algorithm>

namespace spindle {

Reservations::Growth* Reservations::going_on(InodeNo owner, BlockNo hint) {
  const auto found = by_owner_.find(owner);
  if (found == by_owner_.end() || found->second->expected != hint) return nullptr;
  return &*found->second;
}

std::uint64_t Reservations::window_for(const Growth& growth) const {
  return std::clamp(growth.grown, std::min(kMinWindow, max_window_), max_window_);
}

void Reservations::set_window(Growth& growth, Run window) {
  reserved_ = reserved_ - growth.window.length + window.length;
  growth.window = window;
}

std::vector<Run> Reservations::note(InodeNo owner, Run run, Run window, bool goes_on) {
  std::vector<Run> given_up;
  auto found = by_owner_.find(owner);
  if (found == by_owner_.end()) {
    if (by_use_.size() == kMaxFiles) {
      if (const auto oldest = forget(by_use_.back().owner)) given_up.push_back(*oldest);
    }
    by_use_.push_front({.owner = owner, .expected = run.start, .grown = 0, .window = {}});
    found = by_owner_.emplace(owner, by_use_.begin()).first;
  }
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  Growth& growth = *found->second;
  const Run before = growth.window;
  if (before.length != 0 && !before.contains(run.start)) given_up.push_back(before);
  growth.grown = goes_on ? growth.grown + run.length : run.length;
  growth.expected = run.end();
  set_window(growth, window);
  return given_up;
}

std::optional<Run> Reservations::forget(InodeNo owner) {
  const auto found = by_owner_.find(owner);
  if (found == by_owner_.end()) return std::nullopt;
  const Run window = found->second->window;
  set_window(*found->second, {});
  by_use_.erase(found->second);
  by_owner_.erase(found);
  return window.length == 0 ? std::nullopt : std::optional(window);
}

std::vector<Run> Reservations::release_all() {
  std::vector<Run> given_up;
  for (Growth& growth : by_use_) {
    if (growth.window.length != 0) given_up.push_back(growth.window);
    set_window(growth, {});
  }
  return given_up;
}

std::vector<Run> Reservations::release_touching(Run run) {
  std::vector<Run> given_up;
  for (Growth& growth : by_use_) {
    const Run window = growth.window;
    if (window.length == 0 || window.end() <= run.start || run.end() <= window.start) continue;
    given_up.push_back(window);
    set_window(growth, {});
  }
  return given_up;
}

}  // namespace spindle
