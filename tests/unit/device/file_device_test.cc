#include "spindle/device/file_device.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "device/wait_gauge.h"
#include "device_fixture.h"
#include "spindle/base/random.h"
#include "spindle/base/temporary_folder.h"
#include "spindle/device/memory_device.h"
#include "spindle/thread/thread.h"
#include "support/in_runtime.h"

namespace spindle {
namespace {

using Access = FileDevice::Access;
using Engine = FileDevice::Engine;
using Lock = FileDevice::Lock;

class ImageFile {
 public:
  explicit ImageFile(std::uint64_t size) {
    const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ::ftruncate(fd, static_cast<off_t>(size)) == 0);
    ::close(fd);
  }
  ~ImageFile() { std::filesystem::remove_all(folder_); }
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Makes the host forget the content, so that reads have to wait.
  void drop_from_host_memory() const {
    const int fd = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    CHECK(::fsync(fd) == 0 && ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    ::close(fd);
  }

 private:
  std::string folder_ = make_temporary_folder("spindle-image").take();
  std::string path_ = folder_ + "/image";
};

std::unique_ptr<FileDevice> open_device(const ImageFile& image,
                                        Engine engine = Engine::kAutomatic) {
  return FileDevice::open(image.path(), Access::kReadWrite, 4096, Lock::kExclusive, engine).take();
}

/// One batch of requests that do not overlap, with its buffers, over a device of `blocks` blocks.
struct Batch {
  std::vector<IoRequest> requests;
  std::vector<std::vector<std::byte>> memory;
  std::vector<std::vector<std::span<std::byte>>> buffers;
};

Batch random_batch(Random& random, std::uint64_t blocks) {
  Batch batch;
  std::uint64_t at = random.below(blocks / 2);
  const std::size_t count = 1 + random.below(12);
  batch.memory.reserve(64 * count);
  batch.buffers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (random.one_in(2)) at += random.below(20);
    auto& buffers = batch.buffers.emplace_back();
    std::uint64_t length = 0;
    for (std::size_t part = random.below(4); part != 0; --part) {
      const std::uint64_t size = random.below(5);
      if (at + length + size > blocks) break;
      buffers.emplace_back(batch.memory.emplace_back(random_bytes(random, size * 4096)));
      length += size;
    }
    if (at + length > blocks) break;
    batch.requests.push_back({random.one_in(2) ? IoRequest::Kind::kRead : IoRequest::Kind::kWrite,
                              BlockNo{at}, buffers});
    at += length;
  }
  for (std::size_t i = batch.requests.size(); i > 1; --i)
    std::swap(batch.requests[i - 1], batch.requests[random.below(i)]);
  return batch;
}

/// The file must behave as memory does, whatever the order, the merging and the engine.
void compare_with_memory(FileDevice& device, std::uint64_t seed, const ImageFile* cold) {
  Random random(seed);
  MemoryDevice model(4096, device.block_count());
  for (int step = 0; step < 150; ++step) {
    if (cold != nullptr && random.one_in(10)) cold->drop_from_host_memory();
    Batch batch = random_batch(random, device.block_count());
    std::vector<std::vector<std::byte>> before = batch.memory;
    ASSERT_TRUE(device.submit(batch.requests).ok());
    const std::vector<std::vector<std::byte>> from_file = batch.memory;
    for (std::size_t i = 0; i < before.size(); ++i)
      std::ranges::copy(before[i], batch.memory[i].begin());
    ASSERT_TRUE(model.submit(batch.requests).ok());
    ASSERT_TRUE(from_file == batch.memory);
    if (random.one_in(20)) {
      ASSERT_TRUE(device.flush().ok());
    }
    if (random.one_in(20)) {
      const Run run{BlockNo{random.below(device.block_count() - 9)}, random.below(10)};
      ASSERT_TRUE(device.discard(run).ok());
      ASSERT_TRUE(model.discard(run).ok());
    }
    if (random.one_in(20)) {
      device.fill_holes({BlockNo{random.below(device.block_count() - 60)}, random.below(60)});
    }
  }
  std::vector<std::byte> all(device.size_bytes());
  std::vector<std::byte> expected(device.size_bytes());
  ASSERT_TRUE(device.read(BlockNo{0}, all).ok());
  model.peek(0, expected);
  EXPECT_TRUE(all == expected);
}

TEST(FileDevice, DoesWhatMemoryDoes) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE(seed);
    ImageFile image(4096 * 700);
    compare_with_memory(*open_device(image), seed, nullptr);
  }
}

TEST(FileDevice, HasRoomWhereHolesWereFilled) {
  ImageFile image(4096 * 300);
  const auto device = open_device(image);
  const auto bytes_kept = [&] {
    struct stat status {};
    CHECK(::stat(image.path().c_str(), &status) == 0);
    return std::uint64_t{static_cast<std::uint64_t>(status.st_blocks)} * 512;
  };
  const std::vector<std::byte> written(4096, std::byte{7});
  ASSERT_TRUE(device->write(BlockNo{100}, written).ok());
  EXPECT_LT(bytes_kept(), 100u * 4096);
  device->fill_holes({BlockNo{50}, 100});
  EXPECT_GE(bytes_kept(), 100u * 4096);
  EXPECT_LT(bytes_kept(), 200u * 4096);
  std::vector<std::byte> all(4096 * 300);
  std::vector<std::byte> expected(all.size());
  std::ranges::copy(written, expected.begin() + 100 * 4096);
  ASSERT_TRUE(device->read(BlockNo{0}, all).ok());
  EXPECT_TRUE(all == expected);
  device->fill_holes({BlockNo{299}, 2});  // not on the device
  EXPECT_EQ(std::filesystem::file_size(image.path()), all.size());
}

class FileDeviceInRuntime : public testing::TestWithParam<Engine> {};
INSTANTIATE_TEST_SUITE_P(Engines, FileDeviceInRuntime,
                         testing::Values(Engine::kAutomatic, Engine::kHelperThread),
                         [](const auto& engine) {
                           return engine.param == Engine::kAutomatic ? "Automatic" : "HelperThread";
                         });

// While it lives no kernel thread can be made: none has so large a stack.
class NoKernelThreads {
 public:
  NoKernelThreads() {
    CHECK(::pthread_getattr_default_np(&before_) == 0);
    pthread_attr_t huge;
    CHECK(::pthread_attr_init(&huge) == 0 &&
          ::pthread_attr_setstacksize(&huge, std::size_t{1} << 47) == 0 &&
          ::pthread_setattr_default_np(&huge) == 0 && ::pthread_attr_destroy(&huge) == 0);
  }
  ~NoKernelThreads() { ::pthread_setattr_default_np(&before_); }
  NoKernelThreads(const NoKernelThreads&) = delete;
  NoKernelThreads& operator=(const NoKernelThreads&) = delete;

 private:
  pthread_attr_t before_;
};

TEST(FileDevice, BlocksIfTheHostGivesNoHelperThread) {
  ImageFile image(4096 * 700);
  auto device = open_device(image, Engine::kHelperThread);
  const NoKernelThreads none;
  test::in_runtime([&] {
    const std::vector<std::byte> written(4096 * 600, std::byte{7});  // not left to the host
    std::vector<std::byte> read(written.size());
    ASSERT_TRUE(device->write(BlockNo{1}, written).ok());
    ASSERT_TRUE(device->read(BlockNo{1}, read).ok());
    EXPECT_TRUE(read == written);
    EXPECT_EQ(device->engine(), "blocking");
  });
}

TEST_P(FileDeviceInRuntime, DoesWhatMemoryDoes) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE(seed);
    ImageFile image(4096 * 700);
    auto device = open_device(image, GetParam());
    test::in_runtime([&] { compare_with_memory(*device, seed, &image); });
  }
}

TEST_P(FileDeviceInRuntime, ServesManyThreadsAtOnce) {
  constexpr std::uint64_t kThreads = 300;
  ImageFile image(4096 * 64 * kThreads);
  auto device = open_device(image, GetParam());
  test::in_runtime([&] {
    std::vector<thread::Thread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i) {
      threads.push_back(thread::spawn("writer", [&, i] {
        const std::vector<std::byte> bytes(4096 * 64, static_cast<std::byte>(i + 1));
        ASSERT_TRUE(device->write(BlockNo{i * 64}, bytes).ok());
        ASSERT_TRUE(device->flush().ok());
      }));
    }
    for (auto& each : threads) each.join().take();
    image.drop_from_host_memory();
    threads.clear();
    for (std::uint64_t i = 0; i < kThreads; ++i) {
      threads.push_back(thread::spawn("reader", [&, i] {
        std::vector<std::byte> bytes(4096 * 64);
        ASSERT_TRUE(device->read(BlockNo{i * 64}, bytes).ok());
        ASSERT_TRUE(bytes == std::vector<std::byte>(4096 * 64, static_cast<std::byte>(i + 1)));
      }));
    }
    for (auto& each : threads) each.join().take();
  });
}

TEST_P(FileDeviceInRuntime, AWaitingReadDoesNotStopTheOtherThreads) {
  ImageFile image(64 << 20);
  auto device = open_device(image, GetParam());
  std::vector<std::byte> bytes(64 << 20);
  ASSERT_TRUE(device->write(BlockNo{0}, std::vector<std::byte>(64 << 20, std::byte{7})).ok());
  image.drop_from_host_memory();
  test::in_runtime([&] {
    bool done = false;
    std::uint64_t turns = 0;
    thread::Thread reader = thread::spawn("reader", [&] {
      EXPECT_TRUE(device->read(BlockNo{0}, bytes).ok());
      done = true;
    });
    while (!done) {
      ++turns;
      thread::yield();
    }
    // The first turn comes before the read is begun.
    EXPECT_GT(turns, 1u);
    reader.join().take();
  });
  EXPECT_EQ(bytes[(64 << 20) - 1], std::byte{7});
}

TEST_P(FileDeviceInRuntime, OutlivesTheRuntimeThatUsedIt) {
  ImageFile image(1 << 20);
  auto device = open_device(image, GetParam());
  std::vector<std::byte> bytes(4096);
  for (int i = 0; i < 3; ++i) {
    image.drop_from_host_memory();
    test::in_runtime([&] {
      ASSERT_TRUE(device->write(BlockNo{3}, bytes).ok());
      ASSERT_TRUE(device->flush().ok());
      ASSERT_TRUE(device->read(BlockNo{9}, bytes).ok());
    });
    ASSERT_TRUE(device->read(BlockNo{9}, bytes).ok());
  }
}

TEST(WaitGauge, TrustsOnlyWhatIsQuickAndAlone) {
  WaitGauge gauge;
  EXPECT_TRUE(gauge.may_wait(0)) << "who opens a device is alone";
  gauge.has_parked(WaitGauge::kQuickNs, /*was_alone=*/false);
  EXPECT_FALSE(gauge.may_wait(0));
  gauge.has_parked(WaitGauge::kQuickNs + 1, true);
  EXPECT_FALSE(gauge.may_wait(0));
  gauge.has_parked(WaitGauge::kQuickNs, true);
  EXPECT_TRUE(gauge.may_wait(WaitGauge::kLittleBytes));
  EXPECT_FALSE(gauge.may_wait(WaitGauge::kLittleBytes + 1));
  gauge.has_waited(WaitGauge::kQuickNs + 1);
  EXPECT_FALSE(gauge.may_wait(0)) << "the last one was slow";
}

TEST(WaitGauge, HandsOneInSoManyOver) {
  WaitGauge gauge;
  gauge.has_parked(0, true);
  unsigned waited = 0;
  for (; gauge.may_wait(0); ++waited) gauge.has_waited(0);
  EXPECT_EQ(waited, WaitGauge::kTrust - 1);
}

// Whether requests are waited for at once or handed over, all that was written is there.
TEST_P(FileDeviceInRuntime, FlushesOneAfterTheOther) {
  ImageFile image(4096 * 100);
  auto device = open_device(image, GetParam());
  std::vector<std::byte> bytes(4096);
  test::in_runtime([&] {
    for (std::uint64_t i = 0; i < 100; ++i) {
      bytes[0] = static_cast<std::byte>(i);
      ASSERT_TRUE(device->write(BlockNo{i}, bytes).ok());
      ASSERT_TRUE(device->flush().ok());
    }
  });
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(device->read(BlockNo{i}, bytes).ok());
    EXPECT_EQ(bytes[0], static_cast<std::byte>(i));
  }
}

TEST(FileDevice, SplitsWhatHasMoreBuffersThanOneCallTakes) {
  ImageFile image(4096 * 3000);
  auto device = open_device(image);
  std::vector<std::byte> bytes(4096 * 2500);
  std::vector<std::span<std::byte>> buffers;
  for (std::size_t i = 0; i < 2500; ++i) {
    buffers.push_back(std::span(bytes).subspan(i * 4096, 4096));
    std::memcpy(buffers.back().data(), &i, sizeof i);
  }
  const IoRequest request{IoRequest::Kind::kWrite, BlockNo{100}, buffers};
  ASSERT_TRUE(device->submit({&request, 1}).ok());
  std::vector<std::byte> back(bytes.size());
  ASSERT_TRUE(device->read(BlockNo{100}, back).ok());
  EXPECT_TRUE(back == bytes);
}

TEST(FileDevice, LocksTheImage) {
  ImageFile image(1 << 20);
  const auto open = [&](Access access, Lock lock = Lock::kExclusive) {
    return FileDevice::open(image.path(), access, 4096, lock);
  };
  {
    auto writer = open(Access::kReadWrite);
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(open(Access::kReadWrite).code(), EBUSY);
    EXPECT_EQ(open(Access::kReadOnly).code(), EBUSY);
    EXPECT_TRUE(open(Access::kReadOnly, Lock::kNone).ok());
  }
  auto reader = open(Access::kReadOnly);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(open(Access::kReadOnly).ok());
  EXPECT_EQ(open(Access::kReadWrite).code(), EBUSY);
}

TEST(FileDevice, SaysWhyItCannotOpen) {
  EXPECT_EQ(FileDevice::open("/nonexistent/image", Access::kReadOnly, 4096).code(), ENOENT);
  EXPECT_EQ(FileDevice::open("/tmp", Access::kReadOnly, 4096).code(), EINVAL);
  EXPECT_EQ(FileDevice::open("/dev/null", Access::kReadWrite, 4096).code(), EINVAL);
}

TEST(FileDevice, ReadOnlyMeansReadOnly) {
  ImageFile image(1 << 20);
  auto device = FileDevice::open(image.path(), Access::kReadOnly, 4096).take();
  std::vector<std::byte> block(4096);
  EXPECT_TRUE(device->read(BlockNo{0}, block).ok());
  EXPECT_EQ(device->write(BlockNo{0}, block).code(), EROFS);
  EXPECT_EQ(device->discard({BlockNo{0}, 1}).code(), EROFS);
  EXPECT_TRUE(device->flush().ok());
}

TEST_P(FileDeviceInRuntime, AFileThatBecameTooShortIsAnError) {
  ImageFile image(1 << 20);
  auto device = open_device(image, GetParam());
  std::filesystem::resize_file(image.path(), 8192);
  std::vector<std::byte> blocks(16384);
  const auto check = [&] {
    EXPECT_TRUE(device->read(BlockNo{1}, std::span(blocks).first(4096)).ok());
    const Result<> result = device->read(BlockNo{0}, blocks);
    ASSERT_EQ(result.code(), EIO);
    EXPECT_EQ(result.error().subject.number, 2u);
  };
  check();
  test::in_runtime(check);
}

/// In a process to which the kernel gives no more threads; root would not be limited.
[[noreturn]] void write_without_new_kernel_threads(FileDevice& device) {
  constexpr uid_t kNobody = 65534;
  const rlimit none{0, 0};
  CHECK(::setrlimit(RLIMIT_NPROC, &none) == 0);
  CHECK(::geteuid() != 0 || ::setresuid(kNobody, kNobody, kNobody) == 0);
  bool is_done = false;
  test::in_runtime([&] {
    const std::vector<std::byte> blocks(2 << 20);
    is_done = device.write(BlockNo{0}, blocks).ok() && device.flush().ok();
  });
  ::_exit(is_done ? 0 : 1);
}

TEST_P(FileDeviceInRuntime, NeedsNoNewKernelThreads) {
  const ImageFile image(4 << 20);
  const auto device = open_device(image, GetParam());
  EXPECT_EXIT(write_without_new_kernel_threads(*device), testing::ExitedWithCode(0), "");
}

TEST_P(FileDeviceInRuntime, AFileThatWasCutOffIsNotLengthenedAgain) {
  ImageFile image(1 << 20);
  auto device = open_device(image, GetParam());
  const std::vector<std::byte> blocks(16384);
  ASSERT_TRUE(device->write(BlockNo{0}, blocks).ok());
  std::filesystem::resize_file(image.path(), 65536);
  const auto check = [&] {
    EXPECT_EQ(device->write(BlockNo{100}, blocks).code(), EIO);
    EXPECT_EQ(device->write(BlockNo{0}, blocks).code(), EIO);
    EXPECT_EQ(device->discard({BlockNo{0}, 1}).code(), EIO);
    EXPECT_EQ(device->flush().code(), EIO);
  };
  check();
  test::in_runtime(check);
  EXPECT_EQ(std::filesystem::file_size(image.path()), 65536u);
  // A file that was truncated and then lengthened has lost its content all the same.
  std::filesystem::resize_file(image.path(), 1 << 20);
  check();
}

TEST(FileDevice, ABlockSizeThatIsFoundOutLater) {
  ImageFile image((1 << 20) + 1024);
  auto device = FileDevice::open(image.path(), Access::kReadOnly, 1024).take();
  EXPECT_EQ(device->block_count(), 1025u);
  device->set_block_size(65536);
  EXPECT_EQ(device->block_count(), 16u);
  EXPECT_EQ(device->size_bytes(), (1u << 20) + 1024);
}

}  // namespace
}  // namespace spindle
