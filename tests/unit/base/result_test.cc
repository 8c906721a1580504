#include "spindle/base/result.h"

#include <gtest/gtest.h>

namespace spindle {
namespace {

TEST(Error, IsDescribedByWhatItIsAboutWhyAndTheSystemsWords) {
  EXPECT_EQ(corrupt("the checksum does not match", Subject::block(BlockNo{17})).describe(),
            "block 17: the checksum does not match (Structure needs cleaning)");
  EXPECT_EQ((Error{ENOENT, "", Subject::inode(InodeNo{2})}).describe(),
            "inode 2: No such file or directory");
  EXPECT_EQ((Error{EINVAL, "it is not a number"}).describe(),
            "it is not a number (Invalid argument)");
}

TEST(Error, OfATimeOutSpeaksOfNoConnection) {
  EXPECT_EQ((Error{ETIMEDOUT, "the thread did not end in time"}).describe(),
            "the thread did not end in time (Timed out)");
}

}  // namespace
}  // namespace spindle
