// What is written is read back.
#include "spindle/trace/disk_trace_writer.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "spindle/base/random.h"

namespace spindle {
namespace {

std::vector<ServedRequest> some_requests(std::uint64_t seed) {
  Random random(seed);
  std::vector<ServedRequest> requests;
  std::int64_t now_ns = 0;
  for (int i = 0; i < 200; ++i) {
    ServedRequest request;
    request.arrival = {now_ns += static_cast<std::int64_t>(random.below(5'000'000))};
    request.begin = request.arrival + VirtualTime{static_cast<std::int64_t>(random.below(9000))};
    request.finish = request.begin + VirtualTime{1 + static_cast<std::int64_t>(random.below(9000))};
    request.start = 512 * random.below(1 << 20);
    request.length = 512 * (1 + random.below(256));
    request.is_write = random.one_in(2);
    requests.push_back(request);
  }
  return requests;
}

std::vector<TracedRequest> read_back(const std::string& text, DiskFormat format) {
  const std::string path = ::testing::TempDir() + "/spindle_disk_trace_writer";
  std::ofstream(path, std::ios::binary) << text;
  auto trace = DiskTrace::open(path, std::nullopt).take();
  EXPECT_EQ(trace.format(), format);  // found by its look
  std::vector<TracedRequest> all(1000);
  all.resize(trace.read(all).take());
  std::remove(path.c_str());
  return all;
}

TEST(DiskTraceWriter, WhatIsWrittenIsReadBack) {
  const auto requests = some_requests(3);
  for (const DiskFormat format : {DiskFormat::kBlktrace, DiskFormat::kFio, DiskFormat::kDiskSim}) {
    SCOPED_TRACE(static_cast<int>(format));
    const auto found = read_back(disk_trace_text(format, requests).take(), format);
    ASSERT_EQ(found.size(), requests.size());
    const std::int64_t grain_ns = format == DiskFormat::kFio ? 1'000'000 : 1;
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].start, requests[i].start);
      EXPECT_EQ(found[i].length, requests[i].length);
      EXPECT_EQ(found[i].is_write, requests[i].is_write);
      EXPECT_EQ(found[i].arrival.ns, requests[i].arrival.ns / grain_ns * grain_ns);
    }
  }
  EXPECT_EQ(disk_trace_text(DiskFormat::kSpc, requests).code(), EINVAL);
}

}  // namespace
}  // namespace spindle
