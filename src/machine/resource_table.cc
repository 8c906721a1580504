#include "resource_table.h"

#include <algorithm>

#include "spindle/base/check.h"

namespace spindle {
namespace {

/// Whether the thread could get all of `wants` of what there is.
bool fits(const Amounts& wants, const Amounts& there) {
  return std::ranges::all_of(wants, [&](const auto& want) {
    const auto found = there.find(want.first);
    return want.second <= (found == there.end() ? 0 : found->second);
  });
}

void add(const Amounts& amounts, Amounts& there) {
  for (const auto& [resource, amount] : amounts) there[resource] += amount;
}

/// Removes, again and again, the first thread whose wants can be met, and gives back what it has;
/// what is left in `wants` can never be met. The order in which they went goes to `order`.
void finish_in_turn(std::map<ProcessNumber, Amounts>& wants,
                    const std::map<ProcessNumber, Amounts>& has, Amounts there,
                    std::vector<ProcessNumber>* order) {
  for (bool went_on = true; went_on;) {
    went_on = false;
    for (auto it = wants.begin(); it != wants.end();) {
      if (!fits(it->second, there)) {
        ++it;
        continue;
      }
      if (const auto held = has.find(it->first); held != has.end()) add(held->second, there);
      if (order != nullptr) order->push_back(it->first);
      it = wants.erase(it);
      went_on = true;
    }
  }
}

}  // namespace

Resource* ResourceTable::find(std::string_view name) {
  const auto found = resources_.find(name);
  return found == resources_.end() ? nullptr : found->second.get();
}

Result<Resource*> ResourceTable::open(Resource::Kind kind, std::string_view name,
                                      std::int64_t total) {
  if (Resource* resource = find(name)) {
    if (resource->kind != kind) return Error{EINVAL, "another object has this name"};
    return resource;
  }
  if (total < 0) return Error{EINVAL, "the number is negative"};
  if (resources_.size() >= kMost) return Error{ENOSPC, "there are too many of them"};
  auto resource = std::make_unique<Resource>();
  resource->kind = kind;
  resource->name = name;
  resource->order = ++last_order_;
  resource->total = resource->available = total;
  return resources_.emplace(name, std::move(resource)).first->second.get();
}

Result<> ResourceTable::claim(ProcessNumber thread, Resource& resource, std::int64_t amount) {
  if (amount < 0 || amount > resource.total) return Error{EINVAL, "there are not that many"};
  if (amount < resource.held_by(thread)) return Error{EINVAL, "it holds more than that"};
  resource.claims[thread] = amount;
  return {};
}

Result<> ResourceTable::check(ProcessNumber thread, const Resource& resource, std::int64_t amount,
                              DeadlockStrategy strategy) const {
  if (resource.kind == Resource::Kind::kSemaphore) return {};
  const std::int64_t after = resource.held_by(thread) + amount;
  if (amount <= 0 || after > resource.total) {
    if (resource.kind == Resource::Kind::kMutex) return Error{EDEADLK, "it holds the lock already"};
    return Error{EINVAL, "there are not that many"};
  }
  if (strategy == DeadlockStrategy::kOrdering && !comes_in_order(thread, resource))
    return Error{EDEADLK, "it comes before what the thread holds"};
  if (strategy == DeadlockStrategy::kBanker) {
    const auto claim = resource.claims.find(thread);
    if (claim == resource.claims.end() || claim->second < after)
      return Error{EINVAL, "it was not claimed"};
  }
  return {};
}

bool ResourceTable::comes_in_order(ProcessNumber thread, const Resource& resource) const {
  if (!holds_anything(thread)) return true;
  return std::ranges::all_of(resources_, [&](const auto& named) {
    const Resource& other = *named.second;
    return other.kind == Resource::Kind::kSemaphore || other.held_by(thread) == 0 ||
           other.order <= resource.order;
  });
}

void ResourceTable::lend(ProcessNumber thread, const Amounts& wants, std::int64_t sign) {
  for (const auto& [resource, amount] : wants) {
    resource->available -= sign * amount;
    if ((resource->held[thread] += sign * amount) == 0) resource->held.erase(thread);
  }
}

bool ResourceTable::may_have(ProcessNumber thread, const Amounts& wants,
                             DeadlockStrategy strategy) {
  for (const auto& [resource, amount] : wants)
    if (resource->available < amount) return false;
  const bool is_semaphore = wants.begin()->first->kind == Resource::Kind::kSemaphore;
  if (strategy != DeadlockStrategy::kBanker || is_semaphore) return true;
  lend(thread, wants, 1);
  const bool safe = is_safe();
  lend(thread, wants, -1);
  return safe;
}

void ResourceTable::give(ProcessNumber thread, const Amounts& wants) {
  for (const auto& [resource, amount] : wants) {
    resource->available -= amount;
    const bool is_semaphore = resource->kind == Resource::Kind::kSemaphore;
    if (is_semaphore && (resource->is_signal || resource->total != 1)) continue;
    resource->held[thread] += amount;
    holdings_[thread] += amount;
  }
}

Result<bool> ResourceTable::request(ProcessNumber thread, const Amounts& wants,
                                    DeadlockStrategy strategy) {
  const Result<> granted = try_request(thread, wants, strategy);
  if (granted.ok()) return true;
  if (granted.code() != EAGAIN) return granted.error();
  for (const auto& [resource, amount] : wants) resource->waiting.push_back(thread);
  waits_[thread] = wants;
  return false;
}

Result<> ResourceTable::try_request(ProcessNumber thread, const Amounts& wants,
                                    DeadlockStrategy strategy) {
  if (wants.empty()) return Error{EINVAL, "nothing is asked for"};
  bool is_free = true;
  for (const auto& [resource, amount] : wants) {
    TRY(check(thread, *resource, amount, strategy));
    is_free = is_free && resource->waiting.empty();
  }
  if (!is_free || !may_have(thread, wants, strategy))
    return Error{EAGAIN, "it is not available now"};
  give(thread, wants);
  return {};
}

Result<> ResourceTable::release(ProcessNumber thread, Resource& resource, std::int64_t amount) {
  const std::int64_t held = resource.held_by(thread);
  const bool is_semaphore = resource.kind == Resource::Kind::kSemaphore;
  if (amount <= 0) return Error{EINVAL, "the number is not above 0"};
  if (held < amount && !is_semaphore) return Error{EPERM, "the thread does not hold it"};
  if (is_semaphore && resource.available > (std::int64_t{1} << 40))
    return Error{EOVERFLOW, "the count is too high"};
  if (held >= amount) {
    if ((resource.held[thread] -= amount) == 0) resource.held.erase(thread);
    if ((holdings_[thread] -= amount) == 0) holdings_.erase(thread);
  } else if (!resource.is_signal) {
    resource.is_signal = true;
    for (const auto& [holder, count] : resource.held)
      if ((holdings_[holder] -= count) == 0) holdings_.erase(holder);
    resource.held.clear();
  }
  resource.available += amount;
  if (!resource.waiting.empty()) changed_.push_back(&resource);
  return {};
}

void ResourceTable::hand_over(Resource& mutex, ProcessNumber from, ProcessNumber to) {
  mutex.held.erase(from);
  if (--holdings_[from] == 0) holdings_.erase(from);
  mutex.held[to] = 1;
  ++holdings_[to];
  mutex.waiting.push_front(from);
  waits_[from] = {{&mutex, 1}};
}

void ResourceTable::reconsider() {
  for (const auto& [name, resource] : resources_)
    if (!resource->waiting.empty()) changed_.push_back(resource.get());
}

std::vector<ProcessNumber> ResourceTable::grant(DeadlockStrategy strategy) {
  std::vector<ProcessNumber> granted;
  while (!changed_.empty()) {
    std::vector<Resource*> ahead = std::exchange(changed_, {});
    // With the banker, anything that was given back may make any refused request safe.
    if (strategy == DeadlockStrategy::kBanker)
      for (const auto& [name, resource] : resources_)
        if (!resource->waiting.empty()) ahead.push_back(resource.get());
    for (Resource* resource : ahead) grant_from(*resource, strategy, granted);
  }
  return granted;
}

// Grants in order. Requests behind one that cannot be granted wait, except with the banker.
void ResourceTable::grant_from(Resource& resource, DeadlockStrategy strategy,
                               std::vector<ProcessNumber>& granted) {
  for (std::size_t place = 0; place < resource.waiting.size();) {
    const ProcessNumber thread = resource.waiting[place];
    const Amounts wants = waits_.at(thread);
    if (!may_have(thread, wants, strategy)) {
      if (strategy != DeadlockStrategy::kBanker) return;
      ++place;
      continue;
    }
    give(thread, wants);
    leave_queues(thread);
    granted.push_back(thread);
  }
}

void ResourceTable::leave_queues(ProcessNumber thread) {
  for (const auto& [resource, amount] : waits_.at(thread)) {
    std::erase(resource->waiting, thread);
    // Threads that stood behind it may be served now.
    if (!resource->waiting.empty()) changed_.push_back(resource);
  }
  waits_.erase(thread);
}

void ResourceTable::cancel(ProcessNumber thread) {
  if (waits_.contains(thread)) leave_queues(thread);
}

Amounts ResourceTable::awaited(ProcessNumber thread) const {
  const auto found = waits_.find(thread);
  return found == waits_.end() ? Amounts{} : found->second;
}

void ResourceTable::forget(ProcessNumber thread) {
  cancel(thread);
  const bool held = holdings_.erase(thread) != 0;
  for (auto& [name, resource] : resources_) {
    resource->claims.erase(thread);
    if (!held) continue;
    const auto found = resource->held.find(thread);
    if (found == resource->held.end()) continue;
    if (resource->kind == Resource::Kind::kSemaphore) {
      resource->is_signal = true;
    } else {
      resource->available += found->second;
      changed_.push_back(resource.get());
    }
    resource->held.erase(found);
  }
}

bool ResourceTable::is_safe(std::vector<ProcessNumber>* order) const {
  std::map<ProcessNumber, Amounts> needs;
  std::map<ProcessNumber, Amounts> has;
  Amounts there;
  for (const auto& [name, resource] : resources_) {
    if (resource->kind == Resource::Kind::kSemaphore) continue;
    there[resource.get()] = resource->available;
    for (const auto& [thread, claim] : resource->claims)
      needs[thread][resource.get()] = claim - resource->held_by(thread);
    for (const auto& [thread, amount] : resource->held) has[thread][resource.get()] = amount;
  }
  finish_in_turn(needs, has, there, order);
  return needs.empty();
}

}  // namespace spindle
