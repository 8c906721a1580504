#include "spindle/base/event_trace.h"

#include <gtest/gtest.h>

#include <thread>

namespace spindle {
namespace {

std::uint64_t whose = 0;
std::uint64_t present_request() {
  return whose;
}

TEST(EventTrace, NothingIsKeptWhileNoTraceIsOn) {
  EventTrace trace(4, &present_request);
  trace_event(EventKind::kFlush, {});
  EXPECT_EQ(trace.recorded(), 0u);
  trace.start();
  trace_event(EventKind::kFlush, {});
  trace.stop();
  trace_event(EventKind::kFlush, {});
  EXPECT_EQ(trace.recorded(), 1u);
}

TEST(EventTrace, KeepsTheLastOfThemInOrderWithTheirRequests) {
  EventTrace trace(3, &present_request);
  trace.start();
  for (whose = 1; whose <= 5; ++whose) trace_event(EventKind::kBegin, {whose * 10}, "", "text");
  whose = 0;
  ASSERT_EQ(trace.size(), 3u);
  EXPECT_EQ(trace.recorded(), 5u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(trace.at(i).number, i + 3);
    EXPECT_EQ(trace.at(i).request, i + 3);
    EXPECT_EQ(trace.at(i).numbers[0], (i + 3) * 10);
    EXPECT_EQ(trace.at(i).numbers[1], 0u);
    EXPECT_EQ(trace.at(i).text, "text");
  }
  EXPECT_EQ(trace.lost(), 2u);
  trace.clear();
  EXPECT_EQ(trace.size(), 0u);
  EXPECT_EQ(trace.lost(), 0u);
  trace_event(EventKind::kFlush, {});
  ASSERT_EQ(trace.size(), 1u);
  EXPECT_EQ(trace.at(0).number, 6u);
  EXPECT_TRUE(trace.at(0).text.empty());
}

TEST(EventTrace, NeighbouringBlocksOfOneKindAndRequestAreOneEvent) {
  EventTrace trace(16, &present_request);
  trace.start();
  for (std::uint64_t block = 0; block < 8; ++block) {
    trace_block(EventKind::kEvict, 100 + block, "lru");
    trace_block(EventKind::kMiss, 7 + block);
  }
  ASSERT_EQ(trace.size(), 2u);
  EXPECT_EQ(trace.at(0).numbers[0], 100u);
  EXPECT_EQ(trace.at(0).numbers[1], 8u);
  EXPECT_EQ(trace.at(1).numbers[0], 7u);
  EXPECT_EQ(trace.at(1).numbers[1], 8u);
  trace.seal();
  trace_block(EventKind::kMiss, 15);  // a neighbour, but of an event that was read
  EXPECT_EQ(trace.at(1).numbers[1], 8u);
  trace_block(EventKind::kMiss, 16);
  ASSERT_EQ(trace.size(), 3u);
  EXPECT_EQ(trace.at(2).numbers[1], 2u);
  trace_block(EventKind::kMiss, 99);  // no neighbour
  trace_block(EventKind::kHit, 100);  // of another kind
  whose = 1;
  trace_block(EventKind::kHit, 101);  // for another
  whose = 0;
  EXPECT_EQ(trace.size(), 6u);
}

TEST(EventTrace, BelongsToTheKernelThreadThatStartedIt) {
  EventTrace trace(4, &present_request);
  trace.start();
  std::thread([] { trace_event(EventKind::kFlush, {}); }).join();
  EXPECT_EQ(trace.recorded(), 0u);
  {
    EventTrace other(4, &present_request);
    other.start();
    EXPECT_FALSE(trace.is_on());
  }
  trace_event(EventKind::kFlush, {});  // the other trace is gone, and nobody listens
  EXPECT_EQ(trace.recorded(), 0u);
}

TEST(EventTrace, EveryKindHasAName) {
  for (std::size_t i = 0; i < kEventKinds; ++i) {
    const EventType& type = event_type(static_cast<EventKind>(i));
    EXPECT_FALSE(type.name.empty() || type.layer.empty()) << i;
  }
}

}  // namespace
}  // namespace spindle
