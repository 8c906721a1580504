#include "spindle/thread/select.h"

#include <vector>

#include "spindle/thread/section.h"

namespace spindle::thread {

Result<Selected> select(SelectCases cases, Timeout timeout) {
  const Section section;
  std::size_t number = 0;
  for (const auto& one : cases) {
    if (one->try_now()) return Selected{number, one->closed()};
    ++number;
  }
  if (cases.size() == 0) return Error{EINVAL, "there is nothing to select from"};
  if (timeout == 0) return Error{ETIMEDOUT, "no channel was ready"};
  std::vector<WaitNode*> nodes;
  for (const auto& one : cases) nodes.push_back(&one->enqueue());
  Selection selection{.nodes = nodes};
  for (WaitNode* node : nodes) node->selection = &selection;
  // The thread parks on the first node; whichever is woken, all are taken out.
  if (!WaitQueue::park(*nodes.front(), timeout)) {
    return Error{ETIMEDOUT, "no channel was ready in time"};
  }
  number = 0;
  for (const auto& one : cases) {
    if (nodes[number] == selection.chosen) {
      one->finish();
      return Selected{number, one->closed()};
    }
    ++number;
  }
  return Error{ECANCELED, "the wait ended without a reason"};
}

}  // namespace spindle::thread
