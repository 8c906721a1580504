// Thread-local values.
#include "spindle/thread/local.h"

#include <string>

#include "spindle/thread/thread.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(LocalTest, EachThreadHasItsOwnAndItEndsWithTheThread) {
  static int alive = 0;
  struct Counted {
    Counted() { ++alive; }
    ~Counted() { --alive; }
    int value = 0;
  };
  static Local<Counted> local;
  run([] {
    in_parallel(5, [](std::size_t index) {
      local->value = static_cast<int>(index);
      yield();
      EXPECT_EQ(local->value, static_cast<int>(index));
    });
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(local->value, 0);
  });
  EXPECT_EQ(alive, 0);
}

TEST(LocalTest, TheLastMadeEndsFirst) {
  static std::string ended;
  struct First {
    ~First() { ended += '1'; }
  };
  struct Second {
    ~Second() { ended += '2'; }
  };
  struct Third {
    ~Third() { ended += '3'; }
  };
  static Local<Third> third;
  static Local<First> first;
  static Local<Second> second;
  run([] {
    first.get();
    second.get();
    third.get();
  });
  EXPECT_EQ(ended, "321");
}

TEST(LocalTest, AnEndMayMakeAnother) {
  static int ends = 0;
  struct Other {
    ~Other() { ++ends; }
  };
  static Local<Other> other;
  struct Maker {
    ~Maker() { other.get(); }
  };
  static Local<Maker> maker;
  run([] {
    maker.get();
    other.get();
  });
  EXPECT_EQ(ends, 2);
}

// A request that comes late is not delivered in a destructor, which it could not leave.
TEST(LocalTest, TheEndIsNotCancelled) {
  static bool ended = false;
  struct Sleeper {
    ~Sleeper() {
      sleep_for(1);
      ended = true;
    }
  };
  static Local<Sleeper> local;
  run([] {
    Thread thread = spawn("late", [] { local.get(); });
    thread.cancel();
    EXPECT_TRUE(thread.join().ok());
  });
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace spindle::thread
