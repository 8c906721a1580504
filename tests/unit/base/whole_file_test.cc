// Files of the host, read whole; and the errors for those that cannot be.

#include "spindle/base/whole_file.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace spindle {
namespace {

class WholeFile : public ::testing::Test {
 protected:
  ~WholeFile() override { std::filesystem::remove(path_); }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

  std::string path_ = ::testing::TempDir() + "whole_file." + std::to_string(::getpid());
};

TEST_F(WholeFile, IsReadToItsEnd) {
  for (const std::size_t size : {0, 1, 65'536, 200'001}) {
    const std::string text(size, '\0');
    write(text);
    EXPECT_EQ(*whole_file(path_), text);
  }
}

TEST_F(WholeFile, SaysWhatIsWrong) {
  EXPECT_EQ(whole_file(path_).code(), ENOENT);
  EXPECT_EQ(whole_file(::testing::TempDir()).code(), EISDIR);
  write("");
  std::filesystem::resize_file(path_, kLargestWholeFile + 1);
  EXPECT_EQ(whole_file(path_).code(), EFBIG);
}

}  // namespace
}  // namespace spindle
