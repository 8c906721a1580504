// Members: the threads that run for somebody, so that whoever waits for all of them can be told for
// whom.
//
// Each stands in the list with a node on its own stack, so that nothing is allocated. To be used in
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
