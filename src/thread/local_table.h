// LocalTable: the thread-local values (local.h) of one thread.
#pragma once

#include <memory>
#include <vector>

#include "thread/control.h"

namespace spindle::thread {

struct LocalTable {
  struct Entry {
    void* value = nullptr;
    void (*destroy)(void*) = nullptr;
  };
  std::vector<Entry> entries;     // by the number of the Local
  std::vector<std::size_t> made;  // numbers, in the order in which the values were made
};

/// Ends the calling thread's values, the last made first, while it cannot be cancelled.
void destroy_locals(Control& thread);

}  // namespace spindle::thread
