#include "spindle/thread/readers.h"

namespace spindle::thread {

void Readers::add_other(Control* thread, const void* where) {
  if (!others_) others_ = std::make_unique<Others>();
  others_->emplace(thread, where);
}

bool Readers::remove_other(Control* thread) {
  if (!others_) return false;
  const auto at = others_->find(thread);
  if (at == others_->end()) return false;
  others_->erase(at);
  return true;
}

}  // namespace spindle::thread
