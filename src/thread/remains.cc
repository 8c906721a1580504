#include "thread/remains.h"

#include <memory>

#include "thread/end_of_life.h"

namespace spindle::thread {

void Remains::keep(ControlPool controls) {
  std::unique_ptr<Remains> remains(new Remains(std::move(controls)));
  for (std::uint32_t slot = 0; slot < remains->controls_.size(); ++slot) {
    Control& thread = remains->controls_.at(slot);
    if (!thread.live || thread.end == &end_is_nobodys) continue;
    thread.scheduler = nullptr;
    thread.beginning.remains = remains.get();
    ++remains->handles_;
  }
  if (remains->handles_ > 0) static_cast<void>(remains.release());
}

void Remains::let_go_of(Control& thread) {
  Remains* const remains = thread.beginning.remains;
  if (--remains->handles_ == 0) delete remains;
}

}  // namespace spindle::thread
