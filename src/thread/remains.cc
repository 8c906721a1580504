#include "thread/remains.h"

#include <memory>
#include <mutex>
#include <utility>

#include "spindle/thread/section.h"
#include "thread/end_of_life.h"

namespace spindle::thread {
namespace {

/// Handles on the stacks of threads that sleep for ever keep their Remains to the end of the
/// program, where a search for leaks shall find them through this list.
constinit std::mutex remains_mutex;
constinit Remains* first_remains = nullptr;

}  // namespace

Remains::Remains(ControlPool controls) : controls_(std::move(controls)) {
  const Section section;
  const std::lock_guard lock(remains_mutex);
  next_ = std::exchange(first_remains, this);
}

Remains::~Remains() {
  const Section section;
  const std::lock_guard lock(remains_mutex);
  Remains** at = &first_remains;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
}

void Remains::keep(ControlPool controls) {
  std::unique_ptr<Remains> remains(new Remains(std::move(controls)));
  for (std::uint32_t slot = 0; slot < remains->controls_.size(); ++slot) {
    Control& thread = remains->controls_.at(slot);
    if (!thread.live) continue;
    thread.scheduler = nullptr;
    thread.beginning.remains = remains.get();
    thread.parked = nullptr;
    thread.blocking = nullptr;
    thread.in_policy = false;
    if (thread.end != &end_is_nobodys) ++remains->handles_;
    // Locks that it holds for ever point to it.
    if (thread.state != ThreadState::kEnded) ++remains->handles_;
  }
  if (remains->handles_ > 0) static_cast<void>(remains.release());
}

void Remains::let_go_of(Control& thread) {
  Remains* const remains = thread.beginning.remains;
  if (--remains->handles_ == 0) delete remains;
}

}  // namespace spindle::thread
