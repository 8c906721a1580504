#include "spindle/thread/local.h"

#include <atomic>
#include <utility>

#include "spindle/thread/thread.h"
#include "thread/local_table.h"
#include "thread/scheduler.h"

namespace spindle::thread {

void destroy_locals(Control& thread) {
  const current_thread::CancellationOff off;
  const std::unique_ptr<LocalTable> table(thread.locals);
  // The end of one value may make another.
  while (!table->made.empty()) {
    const std::size_t number = table->made.back();
    table->made.pop_back();
    const LocalTable::Entry last = std::exchange(table->entries[number], {});
    last.destroy(last.value);
  }
  thread.locals = nullptr;
}

namespace detail {

std::size_t new_local_number() {
  static std::atomic<std::size_t> next = 0;
  return next.fetch_add(1);
}

void* local_value(std::size_t number) {
  const LocalTable* const table = calling_thread().locals;
  return table != nullptr && number < table->entries.size() ? table->entries[number].value
                                                            : nullptr;
}

void set_local_value(std::size_t number, void* value, void (*destroy)(void*)) {
  Control& self = calling_thread();
  if (self.locals == nullptr) self.locals = new LocalTable;
  auto& entries = self.locals->entries;
  if (number >= entries.size()) entries.resize(number + 1);
  entries[number] = {value, destroy};
  self.locals->made.push_back(number);
}

}  // namespace detail
}  // namespace spindle::thread
