// Synchronisation: the objects by which programs wait for one another, by name.
//
// A monitor is a mutex with conditions, and has the name of the mutex. By Mesa's rule the signalled
// thread takes the mutex again when it is free. By Hoare's rule it has the mutex at once, and the
// thread that signalled waits for it, ahead of all that want to enter.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "resource_table.h"
#include "wait_queue.h"

namespace spindle {

struct MessageQueue {
  struct Message {
    std::int64_t priority = 0;
    std::string text;
  };
  std::size_t capacity = 0;
  std::size_t bytes = 0;
  std::deque<Message> messages;
  WaitQueue receivers;
  WaitQueue senders;
};

/// Checks the name of an object of any kind: EINVAL, ENAMETOOLONG.
inline Result<> check_object_name(std::string_view name) {
  constexpr std::size_t kLongest = 255;
  if (name.empty()) return Error{EINVAL, "it has no name"};
  if (name.size() > kLongest) return Error{ENAMETOOLONG, "the name is too long"};
  return {};
}

struct Synchronisation {
  static constexpr std::size_t kMostObjects = 65'536;
  static constexpr std::size_t kMostMessage = 65'536;
  static constexpr std::size_t kMostQueueBytes = 1u << 20;  ///< beyond that, senders wait
  static constexpr std::size_t kMostAllBytes = 64u << 20;   ///< beyond that, they are refused

  ResourceTable resources;
  std::map<std::string, WaitQueue, std::less<>> conditions;
  std::map<std::string, MessageQueue, std::less<>> queues;
  std::size_t message_bytes = 0;
};

}  // namespace spindle
