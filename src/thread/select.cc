#include "spindle/thread/select.h"

#include <vector>

#include "spindle/thread/section.h"

namespace spindle::thread {

Result<Selected> select(SelectCases cases, Timeout timeout) {
  const Section section;
  for (std::size_t number = 0; number < cases.size(); ++number) {
    if (cases[number]->try_now()) return Selected{number, cases[number]->closed()};
  }
  if (cases.empty()) return Error{EINVAL, "there is nothing to select from"};
  if (timeout == 0) return Error{ETIMEDOUT, "no channel was ready"};
  std::vector<WaitNode*> nodes;
  nodes.reserve(cases.size());  // nothing may fail while some stand in queues
  for (const auto& one : cases) nodes.push_back(&one->enqueue());
  Selection selection{.nodes = nodes};
  for (WaitNode* node : nodes) node->selection = &selection;
  // The thread parks on the first node; whichever is woken, all are taken out.
  if (!WaitQueue::park(*nodes.front(), timeout)) {
    return Error{ETIMEDOUT, "no channel was ready in time"};
  }
  for (std::size_t number = 0; number < cases.size(); ++number) {
    if (nodes[number] != selection.chosen) continue;
    cases[number]->finish();
    return Selected{number, cases[number]->closed()};
  }
  return Error{ECANCELED, "the wait ended without a reason"};
}

}  // namespace spindle::thread
