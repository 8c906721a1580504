#include "thread/valgrind_reports.h"

#include <atomic>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_COUNT_ERRORS 0u
#define VALGRIND_PRINTF(...) 0
#define VALGRIND_STACK_REGISTER(begin, end) 0
#endif

namespace spindle::thread {

bool runs_on_valgrind() {
  return RUNNING_ON_VALGRIND != 0;
}

void name_in_reports(const Control& thread) {
  static std::atomic<unsigned> named = 0;
  const unsigned reports = VALGRIND_COUNT_ERRORS;
  const unsigned before = named.exchange(reports);
  if (reports <= before) return;
  static_cast<void>(
      VALGRIND_PRINTF("what was reported last is in the thread \"%s\"\n", thread.name));
}

void announce_stack(const void* bottom, const void* top) {
  static_cast<void>(VALGRIND_STACK_REGISTER(bottom, top));
}

}  // namespace spindle::thread
