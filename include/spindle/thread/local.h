// Local<T>: a value that each thread has its own copy of.
//
//   Local<int> depth;                 // static, or anything that outlives the threads that use it
//   ++*depth;                         // T() at a thread's first use; ends with the thread
//
// C++'s thread_local belongs to the kernel thread, and so to all threads of a worker; a Local's
// value belongs to the thread and goes where it goes. A thread's values are destroyed at its end,
// the last made first; their destructors may wait, and are not cancelled. Each Local takes a number
// that is never given back: make few, and make them static. Only inside a thread.
#pragma once

#include <cstddef>

namespace spindle::thread {

namespace detail {
std::size_t new_local_number();
/// The calling thread's value, or null.
void* local_value(std::size_t number);
void set_local_value(std::size_t number, void* value, void (*destroy)(void*));
}  // namespace detail

template <class T>
class Local {
 public:
  Local() = default;
  Local(const Local&) = delete;
  Local& operator=(const Local&) = delete;

  T& get() {
    void* value = detail::local_value(number_);
    if (value == nullptr) {
      value = new T();
      detail::set_local_value(number_, value, [](void* old) { delete static_cast<T*>(old); });
    }
    return *static_cast<T*>(value);
  }
  T& operator*() { return get(); }
  T* operator->() { return &get(); }

 private:
  const std::size_t number_ = detail::new_local_number();
};

}  // namespace spindle::thread
