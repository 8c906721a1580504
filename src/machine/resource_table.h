// ResourceTable: which threads hold and wait for which resources, and whether they can all end.
//
// A resource has some instances; a mutex is one with a single instance, which only its holder gives
// back; a semaphore is one that anybody may add to. Threads are numbers here. Requests are granted
// in order of arrival, by the strategy that is passed in; what a thread waits for is kept until it
// is granted or cancelled.
//
// A semaphore counts as held by those who took it only as long as nobody else has ever posted it:
// from then on it is a signal, which anybody may send, and no wait for it closes a circle.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "spindle/base/result.h"
#include "spindle/machine/machine_configuration.h"
#include "spindle/machine/machine_event.h"

namespace spindle {

struct Resource {
  enum class Kind : std::uint8_t { kMutex, kSemaphore, kResource };
  Kind kind = Kind::kMutex;
  std::string name;
  std::uint64_t order = 0;  ///< its place among all by creation, for "ordering"
  std::int64_t total = 0;
  std::int64_t available = 0;
  std::map<ProcessNumber, std::int64_t> held;
  std::map<ProcessNumber, std::int64_t> claims;
  std::deque<ProcessNumber> waiting;
  bool is_hoare = false;   ///< a monitor in which the signaller makes way
  bool is_signal = false;  ///< a semaphore that was posted by a thread that had not taken it

  [[nodiscard]] std::int64_t held_by(ProcessNumber thread) const {
    const auto found = held.find(thread);
    return found == held.end() ? 0 : found->second;
  }
};

struct ByOrder {
  bool operator()(const Resource* a, const Resource* b) const { return a->order < b->order; }
};
/// How many instances of each resource; asked for together, they are granted together.
using Amounts = std::map<Resource*, std::int64_t, ByOrder>;

class ResourceTable {
 public:
  static constexpr std::size_t kMost = 8'192;

  /// The resource of that name; null if there is none.
  Resource* find(std::string_view name);
  /// A new one, or the one of that name, as it is. EINVAL if that is of another kind; ENOSPC.
  Result<Resource*> open(Resource::Kind kind, std::string_view name, std::int64_t total);

  /// EINVAL for more than there is.
  Result<> claim(ProcessNumber thread, Resource& resource, std::int64_t amount);
  /// True: granted. False: the thread waits in the queue. EDEADLK: out of order ("ordering"), or
  /// more than was claimed (EINVAL, "banker"), or a mutex that it holds already.
  Result<bool> request(ProcessNumber thread, const Amounts& wants, DeadlockStrategy strategy);
  /// Grants the request at once, or not at all (EAGAIN).
  Result<> try_request(ProcessNumber thread, const Amounts& wants, DeadlockStrategy strategy);
  /// EPERM for more than the thread holds; a semaphore takes whatever comes.
  Result<> release(ProcessNumber thread, Resource& resource, std::int64_t amount);
  /// The mutex goes from `from` to `to`; `from` now waits for it, before all others.
  void hand_over(Resource& mutex, ProcessNumber from, ProcessNumber to);
  /// The next `grant` looks at all requests that wait: another strategy may grant them.
  void reconsider();
  /// Grants what can be granted now, and returns the threads that no longer wait, in order.
  std::vector<ProcessNumber> grant(DeadlockStrategy strategy);
  /// What the thread waits for; empty if for nothing here.
  [[nodiscard]] Amounts awaited(ProcessNumber thread) const;
  /// The thread does not wait any more.
  void cancel(ProcessNumber thread);
  /// The thread is gone: it gives back all but semaphores, and waits for nothing.
  void forget(ProcessNumber thread);

  /// Whether all claims could be met one thread after the other; `order` is then such a sequence.
  [[nodiscard]] bool is_safe(std::vector<ProcessNumber>* order = nullptr) const;
  [[nodiscard]] bool holds_anything(ProcessNumber thread) const {
    return holdings_.contains(thread);
  }
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Resource>, std::less<>>& all() const {
    return resources_;
  }

 private:
  [[nodiscard]] bool may_have(ProcessNumber thread, const Amounts& wants,
                              DeadlockStrategy strategy);
  void lend(ProcessNumber thread, const Amounts& wants, std::int64_t sign);
  void give(ProcessNumber thread, const Amounts& wants);
  void leave_queues(ProcessNumber thread);
  void grant_from(Resource& resource, DeadlockStrategy strategy,
                  std::vector<ProcessNumber>& granted);
  [[nodiscard]] Result<> check(ProcessNumber thread, const Resource& resource, std::int64_t amount,
                               DeadlockStrategy strategy) const;
  [[nodiscard]] bool comes_in_order(ProcessNumber thread, const Resource& resource) const;

  std::map<std::string, std::unique_ptr<Resource>, std::less<>> resources_;
  std::unordered_map<ProcessNumber, Amounts> waits_;          ///< what each waiting thread wants
  std::unordered_map<ProcessNumber, std::int64_t> holdings_;  ///< how many instances each holds
  std::vector<Resource*> changed_;  ///< resources of which something may be granted
  std::uint64_t last_order_ = 0;
};

}  // namespace spindle
