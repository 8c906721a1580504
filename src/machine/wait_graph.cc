#include "wait_graph.h"

#include <algorithm>
#include <unordered_map>

#include "kernel.h"

namespace spindle {
namespace {

bool waits_for_others(const Thread& thread) {
  return thread.state == ThreadState::kBlocked && thread.wait.timer == 0 &&
         thread.process->alarm == 0 && !thread.wait.is_reported;
}

/// A thread that waits for a semaphore that only it has taken waits for a signal, not for itself.
bool is_signal(const Resource& resource, const Thread& thread) {
  return resource.kind == Resource::Kind::kSemaphore &&
         (resource.is_signal || resource.total != 1 ||
          (resource.held.size() == 1 && resource.held.begin()->first == thread.id));
}

struct WakerName {
  std::string_view name;
  std::uint8_t wakers;
};
constexpr WakerName kWakers[] = {
    {"sem_post", kPosts},
    {"cond_signal", kSignals},
    {"cond_broadcast", kSignals},
    {"queue_send", kSends},
    {"queue_receive", kReceives},
    // Through these any call can be reached.
    {"_G", kAnyWaker},
    {"_ENV", kAnyWaker},
    {"dofile", kAnyWaker},
    {"exec", kAnyWaker},
};

template <typename Count>
void count_wakers(const Thread& thread, Count& counts) {
  for (std::size_t bit = 0; bit < counts.size(); ++bit)
    counts[bit] += thread.process->wakers >> bit & 1;
}

void add_threads(const Process* process, std::vector<const Thread*>& threads) {
  if (process != nullptr)
    threads.insert(threads.end(), process->threads.begin(), process->threads.end());
}

}  // namespace

std::uint8_t wakers_in(std::string_view program) {
  std::uint8_t wakers = 0;
  for (const WakerName& known : kWakers)
    if (program.find(known.name) != std::string_view::npos) wakers |= known.wakers;
  return wakers;
}

WaitGraph::Need WaitGraph::resources_needed(const Thread& thread, Amounts amounts) const {
  Need need{Need::Kind::kResources, std::move(amounts), {}, ", held by "};
  for (const auto& [resource, amount] : need.amounts) {
    if (is_signal(*resource, thread)) return {Need::Kind::kAnybody, {}, {}, "", kPosts};
    for (const auto& [holder, held] : resource->held)
      if (const Thread* found = kernel_.find_thread(holder)) need.threads.push_back(found);
  }
  return need;
}

WaitGraph::Need WaitGraph::pipe_needed(const Thread& thread) const {
  const auto& descriptors = thread.process->descriptors;
  const auto found = descriptors.find(static_cast<int>(thread.request.numbers[0]));
  if (found == descriptors.end() || found->second->pipe == nullptr) return {};
  const bool reads = thread.request.call == SystemCall::kRead;
  const Pipe& pipe = *found->second->pipe;
  Need need{Need::Kind::kThreads, {}, {}, reads ? ", written by " : ", read by "};
  for (const auto& [process, count] : reads ? pipe.writers : pipe.readers)
    add_threads(kernel_.find_process(process), need.threads);
  return need;
}

WaitGraph::Need WaitGraph::child_needed(const Thread& thread) const {
  Need need{Need::Kind::kThreads, {}, {}, " "};
  for (const Process* child : thread.process->children)
    if (is_wanted(*child, *thread.process, thread.request.numbers[0]))
      add_threads(child, need.threads);
  return need;
}

WaitGraph::Need WaitGraph::need_of(const Thread& thread) const {
  if (Amounts amounts = kernel_.synchronisation.resources.awaited(thread.id); !amounts.empty())
    return resources_needed(thread, std::move(amounts));
  switch (thread.request.call) {
    case SystemCall::kRead:
    case SystemCall::kWrite:
      return pipe_needed(thread);
    case SystemCall::kWait:
      return child_needed(thread);
    case SystemCall::kJoin: {
      Need need{Need::Kind::kThreads, {}, {}, " "};
      const auto number = static_cast<ProcessNumber>(thread.request.numbers[0]);
      if (const Thread* other = kernel_.find_thread(number)) need.threads.push_back(other);
      return need;
    }
    case SystemCall::kConditionWait:
      return {Need::Kind::kAnybody, {}, {}, "", kSignals};
    case SystemCall::kQueueSend:
      return {Need::Kind::kAnybody, {}, {}, "", kReceives};
    case SystemCall::kQueueReceive:
      return {Need::Kind::kAnybody, {}, {}, "", kSends};
    default:
      return {};
  }
}

template <typename IsAsleep>
bool WaitGraph::can_be_met(const Need& need, const Awake& awake, const IsAsleep& is_asleep) const {
  switch (need.kind) {
    case Need::Kind::kOutside:
      return true;
    case Need::Kind::kAnybody:
      for (std::size_t bit = 0; bit < awake.size(); ++bit)
        if ((need.wakers >> bit & 1) != 0 && awake[bit] != 0) return true;
      return false;
    case Need::Kind::kThreads:
      return std::ranges::any_of(need.threads,
                                 [&](const Thread* thread) { return !is_asleep(*thread); });
    case Need::Kind::kResources:
      return std::ranges::all_of(need.amounts, [&](const auto& want) {
        std::int64_t there = want.first->available;
        for (const auto& [holder, held] : want.first->held) {
          const Thread* thread = kernel_.find_thread(holder);
          if (thread == nullptr || !is_asleep(*thread)) there += held;
        }
        return want.second <= there;
      });
  }
  return true;
}

WaitGraph::Awake WaitGraph::awake_besides(const Threads& asleep) const {
  Awake awake{};
  for (const auto& [number, process] : kernel_.processes)
    for (const Thread* thread : process->threads)
      if (!asleep.contains(thread)) count_wakers(*thread, awake);
  return awake;
}

void WaitGraph::wake_in_turn(Threads& asleep, Awake awake) const {
  std::unordered_map<const Thread*, Need> needs;
  std::unordered_map<const Thread*, std::vector<const Thread*>> dependents;
  std::vector<const Thread*> for_anybody;
  for (const Thread* thread : asleep) {
    const Need& need = needs[thread] = need_of(*thread);
    for (const Thread* other : need.threads) dependents[other].push_back(thread);
    if (need.kind == Need::Kind::kAnybody) for_anybody.push_back(thread);
  }
  const auto is_asleep = [&](const Thread& thread) { return asleep.contains(&thread); };
  std::vector<const Thread*> ahead(asleep.begin(), asleep.end());
  while (!ahead.empty()) {
    const Thread* thread = ahead.back();
    ahead.pop_back();
    if (!asleep.contains(thread)) continue;
    if (!can_be_met(needs[thread], awake, is_asleep)) continue;
    asleep.erase(thread);
    const std::vector<const Thread*>& next = dependents[thread];
    ahead.insert(ahead.end(), next.begin(), next.end());
    const Awake before = awake;
    count_wakers(*thread, awake);
    for (std::size_t bit = 0; bit < awake.size(); ++bit)
      if (before[bit] == 0 && awake[bit] != 0)
        ahead.insert(ahead.end(), for_anybody.begin(), for_anybody.end());
  }
}

bool WaitGraph::is_dead(const Thread& thread) const {
  if (!waits_for_others(thread)) return false;
  const Need need = need_of(thread);
  if (can_be_met(need, kAllWakers, waits_for_others)) return false;
  Threads asleep{&thread};
  std::vector<const Thread*> ahead = need.threads;
  while (!ahead.empty()) {
    const Thread* next = ahead.back();
    ahead.pop_back();
    if (!waits_for_others(*next) || !asleep.insert(next).second) continue;
    if (asleep.size() > kMostVisited) return false;
    const Need further = need_of(*next);
    ahead.insert(ahead.end(), further.threads.begin(), further.threads.end());
  }
  wake_in_turn(asleep, kAllWakers);
  return asleep.contains(&thread);
}

bool WaitGraph::takes_part(const Thread& thread, const Threads& asleep) const {
  if (kernel_.synchronisation.resources.holds_anything(thread.id)) return true;
  if (need_of(thread).kind != Need::Kind::kResources) return true;
  return std::ranges::any_of(asleep, [&](const Thread* other) {
    const Need need = need_of(*other);
    return std::ranges::find(need.threads, &thread) != need.threads.end();
  });
}

std::vector<ProcessNumber> WaitGraph::all_dead() const {
  Threads asleep;
  for (const auto& [number, process] : kernel_.processes)
    for (const Thread* thread : process->threads)
      if (waits_for_others(*thread)) asleep.insert(thread);
  wake_in_turn(asleep, awake_besides(asleep));
  std::vector<ProcessNumber> numbers;
  for (const Thread* thread : asleep)
    if (takes_part(*thread, asleep)) numbers.push_back(thread->id);
  std::ranges::sort(numbers);
  return numbers;
}

std::string WaitGraph::describe(const Thread& thread) const {
  std::string text = std::to_string(thread.id) + " (" + thread.name + ") waits for ";
  const Need need = need_of(thread);
  if (need.kind == Need::Kind::kAnybody)
    return text + thread.wait.object + ", which no thread is left to signal";
  if (need.kind == Need::Kind::kThreads) {
    const SystemCall call = thread.request.call;
    text += call == SystemCall::kWait   ? "its children"
            : call == SystemCall::kJoin ? "thread"
                                        : thread.wait.object;
    for (const char* link = need.link; const Thread* other : need.threads)
      text += std::exchange(link, ", ") + std::to_string(other->id);
    return text;
  }
  for (const char* link = ""; const auto& [resource, amount] : need.amounts) {
    text += std::exchange(link, " and ") + resource->name;
    for (const char* by = need.link; const auto& [holder, held] : resource->held)
      text += std::exchange(by, ", ") + std::to_string(holder);
  }
  return text;
}

}  // namespace spindle
