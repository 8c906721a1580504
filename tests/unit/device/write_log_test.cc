// A write log in a file gives the same states after a power cut as a log in memory.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "device_fixture.h"
#include "spindle/base/random.h"
#include "spindle/device/crash_device.h"
#include "spindle/device/crash_state.h"
#include "spindle/device/overlay_device.h"
#include "spindle/device/recording_device.h"

namespace spindle {
namespace {

constexpr std::uint64_t kImageBlocks = 96;

std::vector<std::byte> noise(Random& random, std::uint64_t blocks) {
  std::vector<std::byte> bytes(blocks * kBlockSize);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  return bytes;
}

/// A folder with an image that a random workload was recorded on, in memory and in a file.
class RecordedImage : public testing::Test {
 protected:
  RecordedImage() : start_(kBlockSize, kImageBlocks) {
    std::filesystem::create_directories(folder_);
    Random random(17);
    std::ofstream(image_).write(reinterpret_cast<const char*>(noise(random, kImageBlocks).data()),
                                kImageBlocks * kBlockSize);
    auto image = open_image();
    std::vector<std::byte> bytes(kImageBlocks * kBlockSize);
    image->read(BlockNo{0}, bytes).take();
    start_.write(BlockNo{0}, bytes).take();
    writer_ = WriteLogWriter::create(file_, *image, image_).take();
    RecordingDevice in_file(*image, *writer_);
    BlockDevice& recorded = in_file;
    RecordingDevice in_memory(recorded);
    for (int i = 0; i < 50; ++i) step(in_memory, random);
    memory_ = in_memory.log();
  }
  ~RecordedImage() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::unique_ptr<FileDevice> open_image() const {
    return FileDevice::open(image_, FileDevice::Access::kReadWrite, kBlockSize).take();
  }

  void step(BlockDevice& device, Random& random) {
    const std::uint64_t length = 1 + random.below(5);
    const BlockNo at{random.below(kImageBlocks - length)};
    device.write(at, noise(random, length), IoPurpose::kJournal).take();
    if (random.one_in(5)) device.flush().take();
    if (random.one_in(9)) writer_->note("a note");
  }

  const std::string folder_ =
      testing::TempDir() + "spindle-write-log." + std::to_string(::getpid());
  const std::string image_ = folder_ + "/image";
  const std::string file_ = folder_ + "/log";
  MemoryDevice start_;
  WriteLog memory_;
  std::unique_ptr<WriteLogWriter> writer_;
};

TEST_F(RecordedImage, GivesTheStatesThatTheLogInMemoryGives) {
  writer_->finish();
  const auto log = WriteLogFile::open(file_).take();
  EXPECT_TRUE(log->is_complete());
  EXPECT_EQ(log->image(), image_);
  ASSERT_EQ(log->events().size(), memory_.events.size());
  ASSERT_FALSE(log->notes().empty());
  EXPECT_EQ(log->text(log->notes().front()).take(), "a note");
  const CrashStates expected(start_, memory_);
  const WriteOrder order(log->events(), kBlockSize);
  const auto durable = CrashDevice::open(*log, image_).take();
  std::size_t barrier = 0;
  std::vector<std::byte> found(kImageBlocks * kBlockSize);
  for (std::size_t cut = 0; cut <= order.events(); ++cut) {
    for (; barrier <= order.barrier_of(cut); ++barrier) durable->advance(order.barriers()[barrier]);
    for (const CrashMode mode : kCrashModes) {
      OverlayDevice state(*durable);
      durable->apply(state, order.arrived(cut, mode, cut)).take();
      state.read(BlockNo{0}, found).take();
      MemoryDevice image(kBlockSize, kImageBlocks);
      image.write(BlockNo{0}, found).take();
      ASSERT_TRUE(image.same_content(expected.at(cut, mode, cut)))
          << "cut " << cut << " mode " << static_cast<int>(mode);
    }
  }
}

TEST_F(RecordedImage, IsCutOffWhereverItEnds) {
  const std::uint64_t size = std::filesystem::file_size(file_);
  std::size_t last = 0;
  for (std::uint64_t end = 200; end < size; end += 617) {
    std::filesystem::copy_file(file_, file_ + ".cut",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(file_ + ".cut", end);
    const auto log = WriteLogFile::open(file_ + ".cut").take();
    EXPECT_FALSE(log->is_complete());
    EXPECT_GE(log->events().size(), last);
    last = log->events().size();
    EXPECT_LE(last, memory_.events.size());
  }
}

TEST_F(RecordedImage, DamageOfItIsFoundAndDoesNoHarm) {
  Random random(5);
  const std::uint64_t size = std::filesystem::file_size(file_);
  std::size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::filesystem::copy_file(file_, file_ + ".bad",
                               std::filesystem::copy_options::overwrite_existing);
    std::fstream bad(file_ + ".bad", std::ios::in | std::ios::out | std::ios::binary);
    bad.seekp(static_cast<std::streamoff>(random.below(i < 100 ? 150 : size)));
    bad.put(static_cast<char>(random.below(256)));
    bad.close();
    refused += WriteLogFile::open(file_ + ".bad").ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 50u);
}

TEST_F(RecordedImage, KnowsWhetherTheImageIsThatOfTheRun) {
  const auto log = WriteLogFile::open(file_).take();
  EXPECT_TRUE(CrashDevice::open(*log, image_).ok());
  const auto image = open_image();
  EXPECT_EQ(CrashDevice::open(*log, image_).code(), EBUSY);
  const BlockNo written = log->events().front().run.start;
  image->write(written, std::vector<std::byte>(kBlockSize)).take();
  std::filesystem::copy_file(image_, image_ + ".other");
  EXPECT_EQ(CrashDevice::open(*log, image_ + ".other").code(), ESTALE);
  std::filesystem::resize_file(image_ + ".other", kBlockSize * (kImageBlocks - 1));
  EXPECT_EQ(CrashDevice::open(*log, image_ + ".other").code(), EINVAL);
}

// The disk of the recording is full: the run goes on.
TEST_F(RecordedImage, ARecordingThatCannotBeWrittenEndsAlone) {
  auto image = open_image();
  EXPECT_EQ(WriteLogWriter::create(file_, *image, image_).code(), EEXIST);
  EXPECT_EQ(WriteLogWriter::create(folder_ + "/no/log", *image, image_).code(), ENOENT);
  std::filesystem::remove(file_);
  auto writer = WriteLogWriter::create(file_, *image, image_).take();
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{kImageBlocks * kBlockSize, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  RecordingDevice device(*image, *writer);
  Random random(3);
  for (int i = 0; i < 60; ++i) step(device, random);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  ASSERT_TRUE(writer->failure());
  EXPECT_EQ(writer->failure()->code, EFBIG);
  EXPECT_FALSE(WriteLogFile::open(file_).take()->is_complete());
}

}  // namespace
}  // namespace spindle
