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
  std::vector<Entry> entries;  // by the number of the Local
};

/// Ends the thread's values, the last made first.
void destroy_locals(Control& thread);

}  // namespace spindle::thread
