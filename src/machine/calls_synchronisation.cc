// Calls about semaphores, mutexes, conditions, message queues and resources. `text` is the object's
// name everywhere.

#include <algorithm>
#include <cstdlib>

#include "calls.h"
#include "kernel.h"

namespace spindle {
namespace {

Result<Resource*> existing(Kernel& kernel, std::string_view name, Resource::Kind kind) {
  Resource* resource = kernel.synchronisation.resources.find(name);
  if (resource == nullptr) return Error{ENOENT, "there is no such object"};
  if (resource->kind != kind) return Error{EINVAL, "the object is of another kind"};
  return resource;
}

/// Has the thread get so many of it, or wait.
Outcome take(Kernel& kernel, Thread& thread, const Amounts& wants, const char* channel) {
  auto granted =
      kernel.synchronisation.resources.request(thread.id, wants, kernel.configuration.deadlock);
  if (!granted.ok()) return granted.error();
  if (*granted) return Response::nothing();
  kernel.block(thread, nullptr, channel, wants.begin()->first->name, Kernel::Awake::kAnswered);
  return Outcome::waits();
}

Outcome try_take(Kernel& kernel, Thread& thread, Resource& resource) {
  const auto granted = kernel.synchronisation.resources.try_request(thread.id, {{&resource, 1}},
                                                                    kernel.configuration.deadlock);
  if (granted.code() == EAGAIN || granted.code() == EDEADLK) return Response::of(0);
  if (!granted.ok()) return granted.error();
  return Response::of(1);
}

Outcome give_back(Kernel& kernel, Thread& thread, Resource& resource, std::int64_t amount) {
  if (const auto given = kernel.synchronisation.resources.release(thread.id, resource, amount);
      !given.ok())
    return given.error();
  kernel.grant_resources();
  return Response::nothing();
}

Outcome open_object(Kernel& kernel, const Thread& thread, Resource::Kind kind) {
  if (const auto named = check_object_name(thread.request.text); !named.ok()) return named.error();
  const auto opened =
      kernel.synchronisation.resources.open(kind, thread.request.text, thread.request.numbers[0]);
  if (!opened.ok()) return opened.error();
  return Response::nothing();
}

/// Mutexes come into being when they are first used.
Result<Resource*> mutex(Kernel& kernel, std::string_view name) {
  TRY(check_object_name(name));
  return kernel.synchronisation.resources.open(Resource::Kind::kMutex, name, 1);
}

Result<WaitQueue*> condition(Kernel& kernel, const std::string& name) {
  auto& conditions = kernel.synchronisation.conditions;
  TRY(check_object_name(name));
  const auto found = conditions.find(name);
  if (found != conditions.end()) return &found->second;
  if (conditions.size() >= Synchronisation::kMostObjects)
    return Error{ENOSPC, "there are too many conditions"};
  return &conditions[name];
}

Result<MessageQueue*> message_queue(Kernel& kernel, const std::string& name) {
  const auto found = kernel.synchronisation.queues.find(name);
  if (found == kernel.synchronisation.queues.end()) return Error{ENOENT, "there is no such queue"};
  return &found->second;
}

/// Hoare's signal: the signalled thread is in the monitor at once, and the signaller waits.
Outcome make_way(Kernel& kernel, Thread& thread, Thread& signalled, Resource& monitor) {
  if (monitor.held_by(thread.id) == 0) return Error{EPERM, "the thread is not in the monitor"};
  kernel.synchronisation.resources.hand_over(monitor, thread.id, signalled.id);
  kernel.block(thread, nullptr, "monitor_signal", monitor.name, Kernel::Awake::kAnswered);
  kernel.answer(signalled, Response::nothing());
  return Outcome::waits();
}

}  // namespace

/// numbers: the count it begins with.
Outcome call_semaphore_open(Kernel& kernel, Thread& thread) {
  return open_object(kernel, thread, Resource::Kind::kSemaphore);
}

Outcome call_semaphore_wait(Kernel& kernel, Thread& thread) {
  auto semaphore = existing(kernel, thread.request.text, Resource::Kind::kSemaphore);
  if (!semaphore.ok()) return semaphore.error();
  return take(kernel, thread, {{*semaphore, 1}}, "sem_wait");
}

/// Answers 1 if it was to be had, else 0.
Outcome call_semaphore_try(Kernel& kernel, Thread& thread) {
  auto semaphore = existing(kernel, thread.request.text, Resource::Kind::kSemaphore);
  if (!semaphore.ok()) return semaphore.error();
  return try_take(kernel, thread, **semaphore);
}

Outcome call_semaphore_post(Kernel& kernel, Thread& thread) {
  auto semaphore = existing(kernel, thread.request.text, Resource::Kind::kSemaphore);
  if (!semaphore.ok()) return semaphore.error();
  return give_back(kernel, thread, **semaphore, 1);
}

Outcome call_mutex_lock(Kernel& kernel, Thread& thread) {
  auto lock = mutex(kernel, thread.request.text);
  if (!lock.ok()) return lock.error();
  return take(kernel, thread, {{*lock, 1}}, "mutex_lock");
}

/// Answers 1 if it was to be had, else 0.
Outcome call_mutex_try(Kernel& kernel, Thread& thread) {
  auto lock = mutex(kernel, thread.request.text);
  if (!lock.ok()) return lock.error();
  return try_take(kernel, thread, **lock);
}

Outcome call_mutex_unlock(Kernel& kernel, Thread& thread) {
  auto lock = mutex(kernel, thread.request.text);
  if (!lock.ok()) return lock.error();
  return give_back(kernel, thread, **lock, 1);
}

/// numbers: 0 Mesa's signals, 1 Hoare's.
Outcome call_monitor_open(Kernel& kernel, Thread& thread) {
  auto monitor = mutex(kernel, thread.request.text);
  if (!monitor.ok()) return monitor.error();
  const bool is_hoare = thread.request.numbers[0] != 0;
  if ((*monitor)->is_hoare != is_hoare && (*monitor)->available == 0)
    return Error{EBUSY, "a thread is in the monitor"};
  (*monitor)->is_hoare = is_hoare;
  return Response::nothing();
}

/// text: the condition. more: the mutex, which is given back for the time of the wait.
Outcome call_condition_wait(Kernel& kernel, Thread& thread) {
  auto lock = mutex(kernel, thread.request.more);
  if (!lock.ok()) return lock.error();
  if (std::exchange(thread.progress[0], 1) != 0)
    return take(kernel, thread, {{*lock, 1}}, "mutex_lock");
  auto queue = condition(kernel, thread.request.text);
  if (!queue.ok()) return queue.error();
  if (const auto given = kernel.synchronisation.resources.release(thread.id, **lock, 1);
      !given.ok())
    return given.error();
  kernel.block(thread, *queue, "cond_wait", thread.request.text, Kernel::Awake::kRetries);
  kernel.grant_resources();
  return Outcome::waits();
}

Outcome call_condition_signal(Kernel& kernel, Thread& thread) {
  auto queue = condition(kernel, thread.request.text);
  if (!queue.ok()) return queue.error();
  Thread* first = (*queue)->front();
  if (first == nullptr) return Response::nothing();
  Resource* monitor = kernel.synchronisation.resources.find(first->request.more);
  if (monitor != nullptr && monitor->is_hoare) return make_way(kernel, thread, *first, *monitor);
  kernel.wake(*first);
  return Response::nothing();
}

Outcome call_condition_broadcast(Kernel& kernel, Thread& thread) {
  auto queue = condition(kernel, thread.request.text);
  if (!queue.ok()) return queue.error();
  const bool is_hoare = std::ranges::any_of((*queue)->threads(), [&](const Thread* waiting) {
    return kernel.synchronisation.resources.find(waiting->request.more)->is_hoare;
  });
  if (is_hoare)
    return Error{EINVAL, "in a monitor with Hoare's signals one is signalled at a time"};
  kernel.wake_all(**queue);
  return Response::nothing();
}

/// numbers: how many messages it holds.
Outcome call_queue_open(Kernel& kernel, Thread& thread) {
  const std::int64_t capacity = thread.request.numbers[0];
  auto& queues = kernel.synchronisation.queues;
  if (const auto named = check_object_name(thread.request.text); !named.ok()) return named.error();
  if (capacity < 1 || capacity > 65'536) return Error{EINVAL, "a queue holds 1 to 65536 messages"};
  if (queues.contains(thread.request.text)) return Response::nothing();
  if (queues.size() >= Synchronisation::kMostObjects)
    return Error{ENOSPC, "there are too many queues"};
  queues[thread.request.text].capacity = static_cast<std::size_t>(capacity);
  return Response::nothing();
}

/// more: the message. numbers: its priority; the highest is received first, of equals the oldest.
Outcome call_queue_send(Kernel& kernel, Thread& thread) {
  auto found = message_queue(kernel, thread.request.text);
  if (!found.ok()) return found.error();
  MessageQueue& queue = **found;
  if (thread.request.more.size() > Synchronisation::kMostMessage)
    return Error{EMSGSIZE, "the message is too long"};
  const std::size_t size = thread.request.more.size();
  if (kernel.synchronisation.message_bytes + size > Synchronisation::kMostAllBytes)
    return Error{ENOMEM, "there are too many messages in the machine"};
  if (queue.messages.size() >= queue.capacity ||
      queue.bytes + size > Synchronisation::kMostQueueBytes) {
    kernel.block(thread, &queue.senders, "queue_send", thread.request.text,
                 Kernel::Awake::kRetries);
    return Outcome::waits();
  }
  const std::int64_t priority = thread.request.numbers[0];
  const auto behind = std::ranges::find_if(
      queue.messages, [&](const auto& message) { return message.priority < priority; });
  queue.messages.insert(behind, {priority, thread.request.more});
  queue.bytes += size;
  kernel.synchronisation.message_bytes += size;
  if (Thread* receiver = queue.receivers.front()) kernel.wake(*receiver);
  return Response::nothing();
}

/// numbers: how long to wait at most, ns; below 0: for ever. Answers the message.
Outcome call_queue_receive(Kernel& kernel, Thread& thread) {
  auto found = message_queue(kernel, thread.request.text);
  if (!found.ok()) return found.error();
  MessageQueue& queue = **found;
  if (queue.messages.empty()) {
    const std::int64_t span_ns = thread.request.numbers[0];
    if (span_ns == 0) return Error{EAGAIN, "there is no message"};
    kernel.block(thread, &queue.receivers, "queue_receive", thread.request.text,
                 Kernel::Awake::kRetries);
    if (span_ns > 0) kernel.set_timer(thread, span_ns);
    return Outcome::waits();
  }
  Response response = Response::of(std::move(queue.messages.front().text));
  queue.messages.pop_front();
  queue.bytes -= response.text.size();
  kernel.synchronisation.message_bytes -= response.text.size();
  if (Thread* sender = queue.senders.front()) kernel.wake(*sender);
  return response;
}

/// numbers: how many instances there are.
Outcome call_resource_open(Kernel& kernel, Thread& thread) {
  return open_object(kernel, thread, Resource::Kind::kResource);
}

/// numbers: the most that it will ever hold. A mutex can be claimed, too.
Outcome call_claim(Kernel& kernel, Thread& thread) {
  Resource* resource = kernel.synchronisation.resources.find(thread.request.text);
  if (resource == nullptr) {
    // A mutex that nobody has used yet.
    auto lock = mutex(kernel, thread.request.text);
    if (!lock.ok()) return lock.error();
    resource = *lock;
  }
  const auto claimed =
      kernel.synchronisation.resources.claim(thread.id, *resource, thread.request.numbers[0]);
  return claimed.ok() ? Response::nothing() : Response::of(claimed.error());
}

/// list: the name of each and how many, in turn. All are granted together.
Outcome call_request(Kernel& kernel, Thread& thread) {
  Amounts wants;
  const std::vector<std::string>& list = thread.request.list;
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
    auto resource = existing(kernel, list[i], Resource::Kind::kResource);
    if (!resource.ok()) return resource.error();
    wants[*resource] += std::strtoll(list[i + 1].c_str(), nullptr, 10);
  }
  return take(kernel, thread, wants, "resource_request");
}

/// numbers: how many.
Outcome call_release(Kernel& kernel, Thread& thread) {
  auto resource = existing(kernel, thread.request.text, Resource::Kind::kResource);
  if (!resource.ok()) return resource.error();
  return give_back(kernel, thread, **resource, thread.request.numbers[0]);
}

}  // namespace spindle
