// Every format of traces: recognised, read, and refused if damaged.
#include "spindle/base/random.h"
#include "spindle/trace/disk_trace.h"
#include "spindle/trace/page_trace.h"
#include "trace_fixture.h"

namespace spindle {
namespace {

Result<std::vector<PageKey>> pages_of(const std::string& path,
                                      std::optional<PageFormat> format = {}) {
  PageTrace trace = TRY(PageTrace::open(path, format, 4096));
  std::vector<PageKey> all;
  std::vector<PageKey> buffer(2);  // so small that every format is read in several goes
  while (const std::size_t count = TRY(trace.read(buffer)))
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
  return all;
}

Result<std::vector<TracedRequest>> requests_of(const std::string& path,
                                               std::optional<DiskFormat> format = {}) {
  DiskTrace trace = TRY(DiskTrace::open(path, format));
  std::vector<TracedRequest> all;
  std::vector<TracedRequest> buffer(1);
  while (TRY(trace.read(buffer)) != 0) all.push_back(buffer[0]);
  return all;
}

TEST(PageFormat, NumbersAreOnePageALine) {
  EXPECT_EQ(pages_of(sample("belady.txt")).take(),
            (std::vector<PageKey>{1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5}));
}

TEST(PageFormat, AddressesBecomePagesAndAnAccessOverAnEdgeTwo) {
  EXPECT_EQ(pages_of(sample("lackey.trace")).take(),
            (std::vector<PageKey>{0x4000, 0x1ffeffe, 0x1ffeffe, 0x4000, 0x4001, 0x421c}));
  EXPECT_EQ(pages_of(sample("memory.din")).take(),
            (std::vector<PageKey>{0x400, 0x7f, 0x7f, 0x400, 0x10}));
}

TEST(PageFormat, RecordsAreObjects) {
  EXPECT_EQ(pages_of(sample("objects.oracleGeneral")).take(),
            (std::vector<PageKey>{7, 8, 7, 9, PageKey{1} << 40, 8}));
}

TEST(PageFormat, NumbersMayEndWithoutALineAndInWindowsLines) {
  const TemporaryFile file("3\r\n 4\n\n5");
  EXPECT_EQ(pages_of(file.path()).take(), (std::vector<PageKey>{3, 4, 5}));
}

TEST(PageFormat, AWrongLineIsNamedByItsByte) {
  const TemporaryFile file("1\n2\nthree\n");
  const auto pages = pages_of(file.path());
  ASSERT_FALSE(pages.ok());
  EXPECT_EQ(pages.error().subject.kind, Subject::Kind::kByte);
  EXPECT_EQ(pages.error().subject.number, 4u);
}

TEST(PageFormat, WhatIsNoTraceIsRefused) {
  const TemporaryFile prose("Once upon a time\nthere was a page.\n");
  EXPECT_EQ(pages_of(prose.path()).code(), EINVAL);
  const TemporaryFile torn(std::string("\x01\x02\x03", 3));
  EXPECT_EQ(pages_of(torn.path()).code(), EINVAL);
  EXPECT_EQ(pages_of(torn.path(), PageFormat::kOracleGeneral).code(), EINVAL);
  EXPECT_EQ(pages_of("/nonexistent").code(), ENOENT);
  const TemporaryFile empty("");
  EXPECT_FALSE(pages_of(empty.path()).ok());
}

struct DiskSample {
  const char* file;
  DiskFormat format;
  std::int64_t second_arrival_ns;
};

class DiskFormats : public testing::TestWithParam<DiskSample> {};

/// All samples say the same: 4 KiB are written at 1 MiB, 8 KiB read at 2 MiB.
TEST_P(DiskFormats, AreFoundOutAndRead) {
  auto trace = DiskTrace::open(sample(GetParam().file), std::nullopt);
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace->format(), GetParam().format);
  const auto requests = requests_of(sample(GetParam().file)).take();
  ASSERT_GE(requests.size(), 2u);
  EXPECT_EQ(requests[0].start, 1u << 20);
  EXPECT_EQ(requests[0].length, 4096u);
  EXPECT_EQ(requests[1].start, 2u << 20);
  EXPECT_EQ(requests[1].length, 8192u);
  EXPECT_NE(requests[0].is_write, requests[1].is_write);
  EXPECT_EQ((requests[1].arrival - requests[0].arrival).ns, GetParam().second_arrival_ns);
}

INSTANTIATE_TEST_SUITE_P(All, DiskFormats,
                         testing::Values(DiskSample{"disksim.ascii", DiskFormat::kDiskSim, 500'000},
                                         DiskSample{"blkparse.txt", DiskFormat::kBlkparse,
                                                    1'000'000},
                                         DiskSample{"sda.blktrace", DiskFormat::kBlktrace, 1'000},
                                         DiskSample{"fio.log", DiskFormat::kFio, 0},
                                         DiskSample{"fio3.log", DiskFormat::kFio, 5'000'000},
                                         DiskSample{"msr.csv", DiskFormat::kMsr, 1'000'000},
                                         DiskSample{"spc.csv", DiskFormat::kSpc, 1'000'000}),
                         [](const auto& test) {
                           std::string name = test.param.file;
                           std::erase(name, '.');
                           return name;
                         });

TEST(DiskFormat, WritesAndDevicesAreTold) {
  const auto simulated = requests_of(sample("disksim.ascii")).take();
  ASSERT_EQ(simulated.size(), 3u);
  EXPECT_FALSE(simulated[0].is_write);
  EXPECT_EQ(simulated[2].device, 1u);
  const auto traced = requests_of(sample("sda.blktrace")).take();
  ASSERT_EQ(traced.size(), 3u);
  EXPECT_TRUE(traced[0].is_write);
  EXPECT_EQ(traced[2].start, 2056u * 512);
}

TEST(DiskFormat, WrongLinesAreNamedByTheirByte) {
  const TemporaryFile file("0.0 0 8 8 1\n0.1 0 x 8 1\n");
  const auto requests = requests_of(file.path());
  ASSERT_FALSE(requests.ok());
  EXPECT_EQ(requests.error().subject.number, 12u);
  const TemporaryFile huge("0.0 0 9223372036854775807 8 1\n");
  EXPECT_EQ(requests_of(huge.path(), DiskFormat::kDiskSim).code(), EINVAL);
  const TemporaryFile nothing("0.0 0 8 0 1\n");
  EXPECT_EQ(requests_of(nothing.path(), DiskFormat::kDiskSim).code(), EINVAL);
}

/// Any damage gives an error or another request, never a read beyond the end.
TEST(DiskFormat, DamageIsSurvived) {
  for (const char* name : {"sda.blktrace", "blkparse.txt", "fio3.log", "msr.csv", "spc.csv"}) {
    std::ifstream in(sample(name), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(in), {}};
    const DiskFormat format = DiskTrace::open(sample(name), std::nullopt)->format();
    Random random(7);
    for (int round = 0; round < 300; ++round) {
      std::string damaged = whole.substr(0, 1 + random.below(whole.size()));
      for (std::uint64_t n = random.below(4); n-- > 0;)
        damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
      const TemporaryFile file(damaged);
      const auto requests = requests_of(file.path(), format);
      if (!requests.ok()) continue;
      for (const TracedRequest& request : *requests) {
        EXPECT_NE(request.length, 0u);
        EXPECT_LE(request.length, std::uint64_t{1} << 30);
        EXPECT_LE(request.start, std::uint64_t{1} << 62);
      }
    }
  }
}

}  // namespace
}  // namespace spindle
