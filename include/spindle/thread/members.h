// Members: the threads that run for a TaskGroup, so that a thread that waits for them all can be
// told which they are.
//
// Each member's node in the list lies on its own stack, so that nothing is allocated. To be used in
// sections.
#pragma once

#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

struct MemberNode {
  Control* thread = nullptr;
  MemberNode* next = nullptr;
  MemberNode* previous = nullptr;
};

class Members {
 public:
  void add(MemberNode& node) {
    node.next = first_;
    if (first_ != nullptr) first_->previous = &node;
    first_ = &node;
  }
  void remove(MemberNode& node) {
    (node.previous == nullptr ? first_ : node.previous->next) = node.next;
    if (node.next != nullptr) node.next->previous = node.previous;
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const MemberNode* node = first_; node != nullptr; node = node->next) {
      visit(Holder{node->thread, nullptr});
    }
  }

 private:
  MemberNode* first_ = nullptr;
};

}  // namespace spindle::thread
