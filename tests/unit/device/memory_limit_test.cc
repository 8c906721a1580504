// The memory that control groups leave to a process, out of tables and files as the kernel has
// them.

#include "spindle/device/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "spindle/base/temporary_folder.h"
#include "spindle/base/whole_file.h"

namespace spindle {
namespace {

class MemoryLimit : public testing::Test {
 protected:
  ~MemoryLimit() override { std::filesystem::remove_all(folder_); }

  void limit(const std::string& group, const std::string& file, const std::string& text) {
    std::filesystem::create_directories(folder_ + group);
    write_whole_file(folder_ + group + "/" + file, text + "\n").take();
  }
  [[nodiscard]] HostMount mount(const std::string& type, const std::string& root = "/") const {
    return {.root = root, .directory = folder_, .type = type};
  }

  std::string folder_ = make_temporary_folder("spindle-memory-limit").take();
};

TEST_F(MemoryLimit, IsThatOfTheGroupOrOfOneAboveIt) {
  limit("/a/b", "memory.max", "max");
  limit("/a", "memory.max", "1000");
  limit("/a/other", "memory.max", "10");
  const HostMount mounts[] = {mount("tmpfs"), mount("cgroup2")};
  EXPECT_EQ(group_limit_bytes("0::/a/b\n", mounts), 1000u);
  limit("/a/b", "memory.max", "999");
  EXPECT_EQ(group_limit_bytes("0::/a/b\n", mounts), 999u);
  EXPECT_EQ(group_limit_bytes("0::/\n", mounts), kNoMemoryLimit);
  EXPECT_EQ(group_limit_bytes("0::/gone\n", mounts), kNoMemoryLimit);
}

TEST_F(MemoryLimit, OfTheFirstVersionIsInTheGroupOfMemory) {
  limit("/a", "memory.limit_in_bytes", "1000");
  limit("/b", "memory.limit_in_bytes", "10");
  const std::string groups = "9:cpu:/b\n4:hugetlb,memory:/a\n0::/b\n";
  HostMount mounts[] = {mount("cgroup"), mount("cgroup")};
  mounts[0].options = "rw,cpu,cpuacct";
  EXPECT_EQ(group_limit_bytes(groups, mounts), kNoMemoryLimit);
  mounts[1].options = "rw,hugetlb,memory";
  EXPECT_EQ(group_limit_bytes(groups, mounts), 1000u);
}

// A container may see its own group as the root of the mount, but its whole path in /proc.
TEST_F(MemoryLimit, IsFoundWhereOnlyAPartIsMounted) {
  limit("", "memory.max", "1000");
  limit("/inside", "memory.max", "900");
  const HostMount mounts[] = {mount("cgroup2", "/box/17")};
  EXPECT_EQ(group_limit_bytes("0::/box/17\n", mounts), 1000u);
  EXPECT_EQ(group_limit_bytes("0::/box/17/inside\n", mounts), 900u);
}

TEST_F(MemoryLimit, NeedsNoTables) {
  EXPECT_EQ(group_limit_bytes("", {}), kNoMemoryLimit);
  EXPECT_EQ(group_limit_bytes("nonsense\n:\n::\n0::a\n", std::vector{mount("cgroup2")}),
            kNoMemoryLimit);
}

}  // namespace
}  // namespace spindle
