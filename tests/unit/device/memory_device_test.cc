#include "spindle/device/memory_device.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "device_fixture.h"
#include "spindle/base/random.h"

namespace spindle {
namespace {

TEST(MemoryDevice, ReadsZerosWhereNothingWasWritten) {
  MemoryDevice device(4096, 1ull << 30);
  std::vector<std::byte> block(4096, std::byte{1});
  ASSERT_TRUE(device.read(BlockNo{(1ull << 30) - 1}, block).ok());
  EXPECT_EQ(block, std::vector<std::byte>(4096));
}

TEST(MemoryDevice, RefusesWhatLiesOutsideOrIsNoWholeBlock) {
  MemoryDevice device(1024, 10);
  std::vector<std::byte> two(2048);
  EXPECT_TRUE(device.read(BlockNo{8}, two).ok());
  EXPECT_EQ(device.read(BlockNo{9}, two).code(), EINVAL);
  EXPECT_EQ(device.write(BlockNo{10}, two).code(), EINVAL);
  EXPECT_EQ(device.write(BlockNo{~0ull}, two).code(), EINVAL);
  EXPECT_EQ(device.read(BlockNo{0}, std::span(two).first(1000)).code(), EINVAL);
  EXPECT_EQ(device.discard({BlockNo{9}, 2}).code(), EINVAL);
  EXPECT_EQ(device.discard({BlockNo{5}, ~0ull}).code(), EINVAL);
}

TEST(MemoryDevice, ABatchIsCheckedWholeBeforeAnyOfItIsDone) {
  MemoryDevice device(1024, 4);
  std::vector<std::byte> ones(1024, std::byte{1});
  const std::span<std::byte> buffer(ones);
  const IoRequest batch[] = {{IoRequest::Kind::kWrite, BlockNo{0}, {&buffer, 1}},
                             {IoRequest::Kind::kWrite, BlockNo{4}, {&buffer, 1}}};
  const Result<> result = device.submit(batch);
  ASSERT_EQ(result.code(), EINVAL);
  EXPECT_EQ(result.error().subject.number, 4u);
  EXPECT_TRUE(device.same_content(MemoryDevice(1024, 4)));
}

// The model is one flat vector of bytes for each copy.
TEST(MemoryDevice, CopiesShareNothingThatEitherOfThemWrites) {
  constexpr std::uint64_t kBlocks = 3000;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<MemoryDevice> devices(1, MemoryDevice(1024, kBlocks));
    std::vector<std::vector<std::byte>> models(1, std::vector<std::byte>(1024 * kBlocks));
    for (int step = 0; step < 200; ++step) {
      const std::size_t which = random.below(devices.size());
      const std::uint64_t start = random.below(kBlocks);
      const std::uint64_t length = random.below(std::min<std::uint64_t>(kBlocks - start, 12)) + 1;
      switch (random.below(4)) {
        case 0:
          if (devices.size() < 5) {
            devices.push_back(devices[which]);
            models.push_back(models[which]);
          } else {
            const std::size_t other = random.below(devices.size());
            devices[other] = devices[which];
            models[other] = models[which];
          }
          break;
        case 1:
          ASSERT_TRUE(devices[which].discard({BlockNo{start}, length}).ok());
          std::memset(models[which].data() + start * 1024, 0, length * 1024);
          break;
        default: {
          const auto bytes = random_bytes(random, length * 1024);
          ASSERT_TRUE(devices[which].write(BlockNo{start}, bytes).ok());
          std::memcpy(models[which].data() + start * 1024, bytes.data(), bytes.size());
        }
      }
    }
    for (std::size_t i = 0; i < devices.size(); ++i) {
      std::vector<std::byte> all(1024 * kBlocks);
      devices[i].peek(0, all);
      EXPECT_TRUE(all == models[i]);
      for (std::size_t j = 0; j < devices.size(); ++j)
        EXPECT_EQ(devices[i].same_content(devices[j]), models[i] == models[j]);
    }
  }
}

}  // namespace
}  // namespace spindle
