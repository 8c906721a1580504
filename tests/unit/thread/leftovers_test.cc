// What is left of threads that came to nothing: that could not be made, or whose runtime went
// while they waited.
#include <array>
#include <stdexcept>
#include <string>

#include "spindle/thread/inspect.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

/// Of a size that is kept with the thread, on its stack, or on the heap.
template <std::size_t kSize>
struct ThrowsWhenCopied {
  ThrowsWhenCopied() = default;
  ThrowsWhenCopied(const ThrowsWhenCopied&) { throw std::runtime_error("copied"); }
  void operator()() const { ADD_FAILURE() << "it was not made"; }
  std::array<char, kSize> room = {};
};

TEST(Leftovers, AThreadWhoseCallableCannotBeCopiedIsNone) {
  for (const unsigned workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    auto runtime = Runtime::create({.workers = workers}).take();
    const Result<> result = runtime->run([&] {
      const auto fails = [](const ThreadOptions& options, const auto& callable) {
        EXPECT_THROW(static_cast<void>(spawn(options, callable)), std::runtime_error);
      };
      for (const std::size_t stack_size : {0, 16 * 1024}) {
        const ThreadOptions options{.name = "none", .stack_size = stack_size};
        for (int i = 0; i < 100; ++i) {
          fails(options, ThrowsWhenCopied<8>());
          fails(options, ThrowsWhenCopied<100>());
          fails(options, ThrowsWhenCopied<5000>());
        }
      }
      EXPECT_EQ(runtime->live_threads(), 1u);
      EXPECT_EQ(list_threads(*runtime).size(), 1u);
      bool ran = false;
      EXPECT_TRUE(spawn("some", [&] { ran = true; }).join().ok());
      EXPECT_TRUE(ran);
    });
    EXPECT_TRUE(result.ok());
  }
}

}  // namespace
}  // namespace spindle::thread
