// Durations and deadlines of <chrono>, for everything that waits.
#include "spindle/thread/time.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <concepts>
#include <csignal>
#include <functional>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "spindle/thread/barrier.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/event.h"
#include "spindle/thread/future.h"
#include "spindle/thread/group.h"
#include "spindle/thread/io.h"
#include "spindle/thread/latch.h"
#include "spindle/thread/monitor.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/offload.h"
#include "spindle/thread/once.h"
#include "spindle/thread/select.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "spindle/thread/signals.h"
#include "spindle/thread/stream.h"
#include "spindle/thread/task.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

using Moment = steady_clock::time_point;
using WallMoment = std::chrono::system_clock::time_point;

// A function that ends in `_until` takes no duration, one that ends in `_for` no moment, and none a
// clock that may be set.
static_assert(std::convertible_to<Moment, Deadline> && std::convertible_to<Moment, Timeout>);
static_assert(std::convertible_to<std::int64_t, Deadline> && std::convertible_to<int, Duration>);
static_assert(!std::convertible_to<std::chrono::milliseconds, Deadline>);
static_assert(!std::convertible_to<Moment, Duration>);
static_assert(!std::convertible_to<Deadline, Duration>);
static_assert(!std::constructible_from<Timeout, WallMoment>);

// Known when the program is compiled.
static_assert(Duration(std::chrono::hours(1)).after(0) == Deadline(3'600'000'000'000));
static_assert(Deadline(Moment(5ms)) == 5'000'000);
static_assert(sizeof(Timeout) == sizeof(std::int64_t));

TEST(Duration, IsRoundedUpSoThatNothingWakesEarly) {
  EXPECT_EQ(Duration(5ms).ns(), 5'000'000);
  EXPECT_EQ(Duration(7).ns(), 7);
  using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;
  EXPECT_EQ(Duration(Picoseconds(1)).ns(), 1);
  EXPECT_EQ(Duration(Picoseconds(2000)).ns(), 2);
  EXPECT_EQ(Duration(Picoseconds(-1)).ns(), 0);
  EXPECT_EQ(Duration(std::chrono::duration<double>(1e-10)).ns(), 1);
  EXPECT_EQ(Duration(std::chrono::duration<int, std::ratio<1, 3>>(1)).ns(), 333'333'334);
  EXPECT_EQ(Deadline(std::chrono::time_point<steady_clock, Picoseconds>(Picoseconds(1))), 1);
}

TEST(Duration, BeyondWhatANumberHoldsIsNever) {
  EXPECT_EQ(Duration(std::chrono::hours::max()).ns(), kNever);
  EXPECT_EQ(Duration(std::chrono::hours::min()).ns(), INT64_MIN);
  EXPECT_EQ(Duration(std::chrono::nanoseconds::max()).ns(), kNever);
  const double endless = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Duration(std::chrono::duration<double>(endless)).ns(), kNever);
  EXPECT_EQ(Duration(std::chrono::duration<double>(-endless)).ns(), INT64_MIN);
  // They fit, though what a third has to be multiplied with to come to nanoseconds does not.
  using Thirds = std::chrono::duration<std::int64_t, std::ratio<1, 3>>;
  EXPECT_EQ(Duration(Thirds(24'000'000'000)).ns(), 8'000'000'000'000'000'000);
  EXPECT_EQ(Duration(std::chrono::duration<double>(std::nan(""))).ns(), kNever);
  EXPECT_EQ(Duration(std::chrono::nanoseconds::max()).from_now(), kNever);
  EXPECT_EQ(Duration(INT64_MIN).after(5), INT64_MIN + 5);
  EXPECT_EQ(Deadline(steady_clock::time_point::max()), kNever);
}

TEST(Deadline, OfTheSteadyClockIsOfTheSameClock) {
  const std::int64_t before = monotonic_ns();
  const std::int64_t now = Deadline(steady_clock::now()).ns();
  EXPECT_LE(before, now);
  EXPECT_LE(now, monotonic_ns());
}

/// `wait(moment, duration)` gives up, and not before it should.
void expect_time_out(const std::function<bool(steady_clock::time_point, Moment::duration)>& wait) {
  const steady_clock::time_point begin = steady_clock::now();
  EXPECT_FALSE(wait(begin + 200us, 200us));
  EXPECT_GE(steady_clock::now() - begin, 200us);
}

TEST(TimeOuts, OfLocksAreNeverEarly) {
  run([] {
    Mutex mutex;
    RecursiveMutex recursive;
    SharedMutex table;
    HoareMonitor monitor;
    Event over;
    Thread holder = spawn("holder", [&] {
      const std::scoped_lock locks(mutex, recursive, table);
      const HoareMonitor::Entry entry(monitor);
      over.wait();
    });
    yield();
    const auto late = expect_time_out;
    late([&](auto at, auto) { return mutex.try_lock_until(at); });
    late([&](auto, auto span) { return mutex.try_lock_for(span); });
    late([&](auto at, auto) { return std::unique_lock(mutex, at).owns_lock(); });
    late([&](auto, auto span) { return std::unique_lock(mutex, span).owns_lock(); });
    late([&](auto, auto span) { return mutex.lock_checked(span).ok(); });
    late([&](auto at, auto) { return recursive.try_lock_until(at); });
    late([&](auto, auto span) { return recursive.try_lock_for(span); });
    late([&](auto at, auto) { return recursive.lock_checked(at).ok(); });
    late([&](auto at, auto) { return table.try_lock_until(at); });
    late([&](auto, auto span) { return table.try_lock_for(span); });
    late([&](auto, auto span) { return table.lock_checked(span).ok(); });
    late([&](auto at, auto) { return std::shared_lock(table, at).owns_lock(); });
    late([&](auto, auto span) { return std::shared_lock(table, span).owns_lock(); });
    late([&](auto at, auto) { return table.lock_shared_checked(at).ok(); });
    late([&](auto at, auto) { return monitor.enter_until(at); });
    late([&](auto, auto span) { return monitor.enter_for(span); });
    late([&](auto, auto span) { return monitor.enter_checked(span).ok(); });
    over.set();
    EXPECT_TRUE(holder.join().ok());
    EXPECT_TRUE(std::unique_lock(mutex, 0ms).owns_lock());
    EXPECT_TRUE(std::shared_lock(table, steady_clock::now()).owns_lock());
  });
}

TEST(TimeOuts, OfConditionsAreNeverEarly) {
  run([] {
    Mutex mutex;
    ConditionVariable changed;
    const auto never = [] { return false; };
    std::unique_lock lock(mutex);
    const auto late = expect_time_out;
    late([&](auto at, auto) { return changed.wait_until(lock, at); });
    late([&](auto, auto span) { return changed.wait_for(lock, span); });
    late([&](auto at, auto) { return changed.wait_until(lock, at, never); });
    late([&](auto, auto span) { return changed.wait_for(lock, span, never); });
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_TRUE(changed.wait_for(lock, 0ms, [] { return true; }));

    HoareMonitor monitor;
    HoareMonitor::Condition signal(monitor);
    const HoareMonitor::Entry inside(monitor);
    late([&](auto at, auto) { return signal.wait_until(at); });
    late([&](auto, auto span) { return signal.wait_for(span); });
    EXPECT_TRUE(monitor.inside());
  });
}

TEST(TimeOuts, OfEverythingElseAreNeverEarly) {
  run([] {
    Event over;
    Once once;
    TaskGroup group;
    group.run([&] { once.call([&] { over.wait(); }); });
    Thread thread = spawn("thread", [&] { over.wait(); });
    Task<int> task = launch("task", [&] { return over.wait(), 1; });
    yield();
    Semaphore semaphore(0);
    Latch latch(3);
    Barrier barrier(2);
    Channel<int> channel;
    Promise<int> promise;
    WaitQueue queue;
    int value = 0;
    const auto late = expect_time_out;
    late([&](auto at, auto) { return semaphore.try_acquire_until(at); });
    late([&](auto, auto span) { return semaphore.try_acquire_for(span); });
    late([&](auto at, auto) { return latch.wait_until(at); });
    late([&](auto, auto span) { return latch.wait_for(span); });
    late([&](auto at, auto) { return latch.arrive_and_wait_until(at); });
    late([&](auto, auto span) { return latch.arrive_and_wait_for(span); });
    late([&](auto at, auto) { return barrier.arrive_and_wait_until(at).ok(); });
    late([&](auto, auto span) { return barrier.arrive_and_wait_for(span).ok(); });
    late([&](auto at, auto) { return over.wait_until(at); });
    late([&](auto, auto span) { return over.wait_for(span); });
    late([&](auto, auto span) { return channel.send(1, span).ok(); });
    late([&](auto at, auto) { return channel.receive(at).ok(); });
    late([&](auto, auto span) { return select({receive_case(channel, value)}, span).ok(); });
    late([&](auto, auto span) { return promise.future().get(span).ok(); });
    late([&](auto at, auto) { return once.call_until(at, [] {}).ok(); });
    late([&](auto, auto span) { return once.call_for(span, [] {}).ok(); });
    late([&](auto at, auto) { return group.wait_until(at); });
    late([&](auto, auto span) { return group.wait_for(span); });
    late([&](auto at, auto) { return thread.join_until(at).ok(); });
    late([&](auto, auto span) { return thread.join_for(span).ok(); });
    late([&](auto at, auto) { return task.join_until(at).ok(); });
    late([&](auto, auto span) { return task.join_for(span).ok(); });
    late([&](auto at, auto) { return queue.wait_until(at); });
    late([&](auto, auto span) { return queue.wait_for(span); });
    late([&](auto at, auto) { return sleep_until(at), false; });
    late([&](auto, auto span) { return sleep_for(span), false; });
    over.set();
    EXPECT_EQ(task.join().take(), 1);
    EXPECT_TRUE(thread.join().ok());
  });
}

/// Both ends of a pipe, non-blocking, of which nobody writes to the one and none reads the other.
class Pipe {
 public:
  Pipe() {
    EXPECT_EQ(pipe2(ends_.data(), O_NONBLOCK | O_CLOEXEC), 0);
    const std::vector<std::byte> page(4096);
    while (::write(ends_[1], page.data(), page.size()) > 0) {
    }
  }
  ~Pipe() {
    for (const int end : ends_) close_descriptor(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int full() const { return ends_[1]; }

 private:
  std::array<int, 2> ends_{};
};

TEST(TimeOuts, OfDescriptorsAndCallsAreNeverEarly) {
  run([] {
    const Pipe pipe;
    const int silent = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT_EQ(listen(listener, 1), 0);
    auto signals = SignalEvents::open({SIGUSR2}).take();
    std::array<std::byte, 8> room{};
    const auto late = expect_time_out;
    late([&](auto at, auto) { return wait_readable(silent, at).ok(); });
    late([&](auto, auto span) { return wait_writable(pipe.full(), span).ok(); });
    late([&](auto, auto span) { return read_some(silent, room, span).ok(); });
    late([&](auto, auto span) { return write_all(pipe.full(), room, span).ok(); });
    late([&](auto at, auto) { return accept(listener, at).ok(); });
    late([&](auto, auto span) {
      pollfd descriptor{silent, POLLIN, 0};
      return poll({&descriptor, 1}, span).take() > 0;
    });
    late([&](auto, auto span) { return signals->wait(span).ok(); });
    late([](auto at, auto) { return offload_until(at, [] { usleep(20'000); }).ok(); });
    late([](auto, auto span) { return offload_for(span, [] { usleep(20'000); }).ok(); });
    close_descriptor(listener);
    close_descriptor(silent);
  });
}

}  // namespace
}  // namespace spindle::thread
