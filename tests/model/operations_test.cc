// What single operations must do beyond content and names: times, modes, space, damage, mounts.

#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include <algorithm>

#include "desk.h"
#include "spindle/thread/thread.h"
#include "strategies.h"
#include "support/suspending_device.h"
#include "volume_check.h"

namespace spindle::test {
namespace {

TEST(Times, ChangeAsPosixSays) {
  in_runtime([] {
    Desk desk;
    const NodeId file = desk.file("a");
    EXPECT_EQ(desk.at(file).born.seconds, 2'000'000);
    EXPECT_EQ(desk.at(kRootNode).modified.seconds, 2'000'000);
    desk.now = 2'000'100;
    must(desk.volume->write(file, 0, 0, bytes_of(1, 10), Setuid::kKeep));
    EXPECT_EQ(desk.at(file).modified.seconds, 2'000'100);
    EXPECT_EQ(desk.at(file).changed.seconds, 2'000'100);
    EXPECT_EQ(desk.at(file).accessed.seconds, 2'000'000);
    desk.now = 2'000'200;
    must(desk.volume->write(file, 0, 2, bytes_of(2, 5), Setuid::kKeep));  // in place
    EXPECT_EQ(desk.at(file).modified.seconds, 2'000'200);
    desk.now = 2'000'300;
    read_from(*desk.volume, file, 0, 10);
    EXPECT_EQ(desk.at(file).accessed.seconds, 2'000'300);
    desk.now = 2'000'400;
    read_from(*desk.volume, file, 0, 10);  // neither changed since nor a day old
    EXPECT_EQ(desk.at(file).accessed.seconds, 2'000'300);
    desk.now += 24 * 60 * 60;
    must(desk.volume->read_for({.sets_access_time = false}, file, 0, 0, 10, [](auto) {}));
    EXPECT_EQ(desk.at(file).accessed.seconds, 2'000'300);
    read_from(*desk.volume, file, 0, 10);
    EXPECT_EQ(desk.at(file).accessed.seconds, desk.now);
    const std::int64_t read_at = desk.now;
    desk.now += 100;
    must(desk.volume->link(file, kRootNode, "b"));
    EXPECT_EQ(desk.at(file).changed.seconds, desk.now);
    EXPECT_EQ(desk.at(file).modified.seconds, 2'000'200);
    EXPECT_EQ(desk.at(kRootNode).modified.seconds, desk.now);
    must(desk.volume->sync_all());
    desk.volume.reset();  // the power fails
    desk.mount();
    EXPECT_EQ(desk.at(file).accessed.seconds, read_at);
    EXPECT_EQ(desk.at(file).modified.seconds, 2'000'200);
    EXPECT_EQ(desk.at(file).born.nanoseconds, 5u);
  });
}

TEST(Times, StayWhenAnAclIsRemovedThatIsNotThere) {
  in_runtime([] {
    Desk desk;
    const NodeId made = must(desk.volume->make_directory(kCaller, kRootNode, "d", 0777)).node;
    const std::int64_t made_at = desk.now;
    desk.now += 100;
    must(desk.volume->remove_xattr(kCaller, made, "system.posix_acl_default"));
    const std::uint32_t empty = 2;  // the version, and no entries
    must(desk.volume->set_xattr(kCaller, made, "system.posix_acl_access",
                                std::as_bytes(std::span(&empty, 1)), 0));
    EXPECT_EQ(desk.at(made).changed.seconds, made_at);
  });
}

// The volume's end checks that no node is held any more.
TEST(Rename, LetsGoOfTheOneDirectoryIfTheOtherCannotBeHad) {
  in_runtime([] {
    Desk desk;
    const NodeId file = desk.file("a");
    EXPECT_EQ(desk.volume->rename(kCaller, kRootNode, "a", file, "b", 0).code(), ENOTDIR);
    desk.volume.reset();
    desk.mount();
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST(Modes, AreInheritedAndCleared) {
  in_runtime([] {
    Desk desk;
    const NodeId top = must(desk.volume->make_directory(kCaller, kRootNode, "d", 0777)).node;
    AttributeChange change;
    change.mode = change.gid = true;
    change.to.mode = 02775;
    change.to.gid = 99;
    must(desk.volume->set_attributes(kCaller, top, change));
    const NodeId inner = must(desk.volume->make_directory(kCaller, top, "e", 0777)).node;
    const NodeId file = desk.file("f", inner);
    EXPECT_EQ(desk.at(inner).mode, S_IFDIR | 02755u);
    EXPECT_EQ(desk.at(inner).gid, 99u);
    EXPECT_EQ(desk.at(file).gid, 99u);
    EXPECT_EQ(desk.at(file).mode, S_IFREG | 0644u);

    AttributeChange mode;
    mode.mode = true;
    mode.to.mode = 06755;
    must(desk.volume->set_attributes(kCaller, file, mode));
    must(desk.volume->write(file, 0, 0, bytes_of(1, 10), Setuid::kKeep));
    EXPECT_EQ(desk.at(file).mode, S_IFREG | 06755u);
    must(desk.volume->write(file, 0, 0, bytes_of(1, 10), Setuid::kClear));
    EXPECT_EQ(desk.at(file).mode, S_IFREG | 0755u);
    Caller stranger = kCaller;
    stranger.is_group_member = false;
    must(desk.volume->set_attributes(stranger, file, mode));
    EXPECT_EQ(desk.at(file).mode, S_IFREG | 04755u);
  });
}

TEST(Deleted, FilesLiveUntilForgottenAndNoLonger) {
  in_runtime([] {
    Desk desk;
    const Space before = must(desk.volume->space());
    const NodeId file = desk.file("a");
    const auto bytes = bytes_of(3, 300'000);
    must(desk.volume->write(file, 0, 0, bytes, Setuid::kKeep));
    must(desk.volume->unlink(kRootNode, "a"));
    EXPECT_EQ(content_of(*desk.volume, file), bytes);
    must(desk.volume->sync_all());
    desk.volume.reset();  // the power fails while the file is open
    desk.mount();
    EXPECT_EQ(must(desk.volume->space()).free_files, before.free_files);
    EXPECT_EQ(must(desk.volume->space()).free_blocks, before.free_blocks);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
    must(desk.volume->unmount());
  });
}

TEST(Deleted, FilesThatAreHeldAtTheEndGoWithTheMount) {
  in_runtime([] {
    Desk desk;
    const Space before = must(desk.volume->space());
    for (const std::string_view name : {"a", "b", "c"}) {
      const NodeId file = desk.file(name);
      must(desk.volume->write(file, 0, 0, bytes_of(1, 100'000), Setuid::kKeep));
      must(desk.volume->unlink(kRootNode, name));
    }
    must(desk.volume->unmount());

    for (const std::string& line : desk.reports) ADD_FAILURE() << line;
    const auto layout = must(format::Layout::of(must(read_superblock(desk.device))));
    std::vector<std::byte> block(layout.block_size);
    must(desk.device.read(layout.state(), block));
    const std::span<const std::byte> state(block);
    EXPECT_EQ(format::at<format::State>(state, format::kHeaderSize).orphan_head, 0u);
    desk.mount();
    EXPECT_EQ(must(desk.volume->space()).free_blocks, before.free_blocks);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
    must(desk.volume->unmount());
  });
}

class Freed : public testing::TestWithParam<format::MapKind> {};

TEST_P(Freed, ASmallFileTakesOneTransaction) {
  in_runtime([] {
    Desk desk({.map_kind = GetParam()});
    const NodeId file = desk.file("a");
    must(desk.volume->write(file, 0, 0, bytes_of(1, 1000), Setuid::kKeep));
    must(desk.volume->unlink(kRootNode, "a"));
    const std::uint64_t before = desk.volume->journal().statistics().transactions;
    desk.volume->forget(file, 1);
    must(desk.volume->settle_space());
    EXPECT_EQ(desk.volume->journal().statistics().transactions, before + 1);
  });
}

// Neither the many runs of the file nor its attributes fit into one transaction of so small a log.
TEST_P(Freed, AFileThatIsMoreThanTheLogHoldsGoesInPieces) {
  in_runtime([] {
    Desk desk({.map_kind = GetParam(), .journal_size = 64u << 10});
    const NodeId file = desk.file("a");
    const NodeId other = desk.file("b");
    for (std::uint64_t i = 0; i < 600; ++i) {
      must(desk.volume->write(file, 0, i * 1500, bytes_of(i, 1500), Setuid::kKeep));
      must(desk.volume->write(other, 0, i * 1500, bytes_of(i, 1500), Setuid::kKeep));
      const std::string name = "user." + std::to_string(i);
      if (i % 3 == 0) must(desk.volume->set_xattr(kCaller, file, name, bytes_of(i, 900), 0));
    }
    const Space before = must(desk.volume->space());
    const std::uint64_t blocks = desk.at(file).sectors / 2;
    must(desk.volume->unlink(kRootNode, "a"));
    const std::uint64_t transactions = desk.volume->journal().statistics().transactions;
    desk.volume->forget(file, 1);
    must(desk.volume->settle_space());
    EXPECT_GT(desk.volume->journal().statistics().transactions, transactions + 1);
    EXPECT_EQ(must(desk.volume->space()).free_blocks, before.free_blocks + blocks);
    EXPECT_EQ(must(desk.volume->space()).free_files, before.free_files + 1);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

INSTANTIATE_TEST_SUITE_P(Strategies, Freed, every_strategy(), strategy_name);

TEST(Synced, FilesAreDurableAlsoIfTheirInodesHaveLeftMemoryBefore) {
  in_runtime([] {
    Desk desk;
    desk.volume.reset();
    desk.mount({.cached_nodes = 1});
    const auto bytes = bytes_of(4, 300'000);
    const NodeId file = desk.file("a");
    must(desk.volume->write(file, 0, 0, bytes, Setuid::kKeep));
    desk.volume->forget(file, 1);
    for (const char* other : {"b", "c"}) desk.volume->forget(desk.file(other), 1);
    must(desk.volume->sync(must(desk.volume->lookup(kRootNode, "a")).node, SyncOf::kData));
    desk.volume.reset();  // the power fails
    desk.mount();
    const auto found = desk.volume->lookup(kRootNode, "a");
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(content_of(*desk.volume, found->node), bytes);
  });
}

class Full : public testing::TestWithParam<format::MapKind> {};

TEST_P(Full, DiskHoldsWhatItSaidAndCanBeEmptied) {
  in_runtime([] {
    Desk desk({.size = 2u << 20, .map_kind = GetParam()});
    const Space before = must(desk.volume->space());
    const NodeId file = desk.file("a");
    const auto bytes = bytes_of(4, 1000);
    std::uint64_t size = 0;
    Result<std::size_t> written = bytes.size();
    while (size < 4u << 20) {
      written = desk.volume->write(file, 0, size, bytes, Setuid::kKeep);
      size = desk.at(file).size;
      if (!written.ok()) break;
    }
    EXPECT_EQ(written.code(), ENOSPC);
    EXPECT_NE(desk.volume->last_error(), "");
    EXPECT_EQ(must(desk.volume->space()).free_blocks, 0u);
    EXPECT_EQ(must(desk.volume->space()).blocks, before.blocks);
    must(desk.volume->unlink(kRootNode, "a"));
    desk.volume->forget(file, 1);
    EXPECT_EQ(must(desk.volume->space()).free_blocks, before.free_blocks);
    must(desk.volume->write(desk.file("b"), 0, 0, bytes_of(5, 500'000), Setuid::kKeep));
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

// Takes all space that is left.
void fill(Desk& desk) {
  const NodeId rest = desk.file("rest");
  const std::string_view strategy = "extent";
  must(desk.volume->set_xattr(kCaller, rest, "user.spindle.alloc",
                              std::as_bytes(std::span(strategy)), 0));
  for (std::uint64_t at = 0, length = 1u << 20; length != 0;) {
    const bool fits = desk.volume->allocate(kCaller, rest, 0, at, length).ok();
    (fits ? at : length) = fits ? at + length : length / 2;
  }
}

TEST_P(Full, DiskTakesOfAWriteWhatHasBlocksAlready) {
  in_runtime([] {
    Desk desk({.size = 1u << 20, .map_kind = GetParam()});
    const NodeId file = desk.file("a");
    must(desk.volume->write(file, 0, 0, bytes_of(4, 20'000), Setuid::kKeep));
    fill(desk);
    const auto bytes = bytes_of(6, 60'000);
    EXPECT_EQ(desk.volume->write(file, 0, 0, bytes, Setuid::kKeep).code(), ENOSPC);
    const auto now = content_of(*desk.volume, file);
    ASSERT_GE(now.size(), 20'000u);
    EXPECT_TRUE(std::equal(now.begin(), now.end(), bytes.begin()));
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST_P(Full, DiskZeroesNothingWhereNotAllCanBe) {
  in_runtime([] {
    Desk desk({.size = 1u << 20, .map_kind = GetParam()});
    const NodeId file = desk.file("a");
    const auto bytes = bytes_of(4, 20'000);
    must(desk.volume->write(file, 0, 0, bytes, Setuid::kKeep));
    fill(desk);
    const auto zero = [&](std::uint64_t end) {
      return desk.volume->allocate(kCaller, file, FALLOC_FL_ZERO_RANGE, 10, end - 10).code();
    };
    EXPECT_EQ(zero(60'000), ENOSPC);
    EXPECT_EQ(content_of(*desk.volume, file), bytes);
    EXPECT_EQ(zero(19'000), 0);
    EXPECT_EQ(read_from(*desk.volume, file, 10, 18'990), std::vector<std::byte>(18'990));
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST_P(Full, DiskKeepsWhatWasAllocatedBeforeWhenMoreCannotBe) {
  in_runtime([] {
    Desk desk({.size = 1u << 20, .map_kind = GetParam()});
    const NodeId file = desk.file("a");
    const auto allocate = [&](std::uint64_t offset, std::uint64_t length) {
      return desk.volume->allocate(kCaller, file, FALLOC_FL_KEEP_SIZE, offset, length).code();
    };
    EXPECT_EQ(allocate(100'000, 50'000), 0);
    const std::uint64_t sectors = desk.at(file).sectors;
    fill(desk);
    EXPECT_EQ(allocate(0, 400'000), ENOSPC);
    EXPECT_EQ(desk.at(file).sectors, sectors);
    must(desk.volume->write(file, 0, 100'000, bytes_of(5, 50'000), Setuid::kKeep));
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

INSTANTIATE_TEST_SUITE_P(Strategies, Full, every_strategy(), strategy_name);

TEST(Full, ALogTooSmallForAChangeOfAttributesIsAnsweredLikeAFullDisk) {
  in_runtime([] {
    Desk desk({.journal_size = 56u << 10});
    const NodeId file = desk.file("a");
    const auto set = [&](std::string_view name, std::size_t size) {
      return desk.volume->set_xattr(kCaller, file, name, bytes_of(size, size), 0).code();
    };
    EXPECT_EQ(set("user.small", 20'000), 0);
    EXPECT_EQ(set("user.large", 65'000), ENOSPC);
    EXPECT_EQ(must(desk.volume->get_xattr(file, "user.small")).size(), 20'000u);
    EXPECT_EQ(desk.volume->get_xattr(file, "user.large").code(), ENODATA);
    EXPECT_TRUE(desk.reports.empty());
    EXPECT_TRUE(check_volume(*desk.volume).empty());
  });
}

// An ACL with so many users, as an attribute.
std::vector<std::byte> acl_of(std::uint32_t users) {
  std::vector<std::uint32_t> words{2};
  const auto add = [&](std::uint32_t tag, std::uint32_t id) {
    words.insert(words.end(), {7u << 16 | tag, id});
  };
  add(0x01, UINT32_MAX);
  for (std::uint32_t user = 0; user < users; ++user) add(0x02, user);
  for (const std::uint32_t tag : {0x04u, 0x10u, 0x20u}) add(tag, UINT32_MAX);
  const auto bytes = std::as_bytes(std::span(words));
  return {bytes.begin(), bytes.end()};
}

TEST(Full, ALogTooSmallForWhatIsInheritedIsAnsweredLikeAFullDisk) {
  in_runtime([] {
    Desk desk({.journal_size = 56u << 10});
    const NodeId top = must(desk.volume->make_directory(kCaller, kRootNode, "d", 0777)).node;
    must(desk.volume->set_xattr(kCaller, top, "system.posix_acl_default", acl_of(4000), 0));
    EXPECT_EQ(desk.volume->make_directory(kCaller, top, "e", 0777).code(), ENOSPC);
    EXPECT_TRUE(check_volume(*desk.volume).empty());
  });
}

TEST(Damage, TurnsTheVolumeReadOnlyAndIsRemembered) {
  in_runtime([] {
    Desk desk;
    NodeId file = 0;
    for (const char* name : {"b", "c", "d", "e", "f", "a"}) file = desk.file(name);
    must(desk.volume->unmount());
    const auto place = desk.volume->layout().inode_place(InodeNo{file});
    const std::byte scratch[] = {std::byte{0xEE}};
    desk.device.poke(place.block.value * 1024 + place.offset + 100, scratch);
    desk.mount();
    EXPECT_EQ(desk.volume->lookup(kRootNode, "a").code(), EUCLEAN);
    ASSERT_TRUE(desk.volume->failure());
    EXPECT_EQ(desk.reports.size(), 1u);
    EXPECT_EQ(desk.volume->create(kCaller, kRootNode, "g", 0644).code(), EROFS);
    EXPECT_NE(must(read_superblock(desk.device)).state & format::kHasErrors, 0u);
  });
}

TEST(Mount, MarksTheVolumeAndCleansUp) {
  in_runtime([] {
    Desk desk;
    EXPECT_NE(must(read_superblock(desk.device)).mount_process, 0u);
    EXPECT_EQ(must(read_superblock(desk.device)).state & format::kClean, 0u);
    must(desk.volume->unmount());
    EXPECT_EQ(must(read_superblock(desk.device)).mount_process, 0u);
    EXPECT_NE(must(read_superblock(desk.device)).state & format::kClean, 0u);

    const MemoryDevice before = desk.device;
    auto read_only = mounted(desk.device, {.read_only = true});
    EXPECT_EQ(read_only->create(kCaller, kRootNode, "a", 0644).code(), EROFS);
    must(read_only->unmount());
    EXPECT_TRUE(desk.device.same_content(before));
  });
}

TEST(Mount, IsRefusedWhileAnotherProcessHasIt) {
  in_runtime([] {
    Desk desk;
    auto superblock = must(read_superblock(desk.device));
    const auto put = [&](std::uint64_t process, std::uint64_t start) {
      superblock.mount_process = process;
      superblock.mount_process_start = start;
      superblock.checksum = format::superblock_checksum(superblock, BlockNo{1});
      desk.device.poke(1024, std::as_bytes(std::span(&superblock, 1)));
      return FileSystem::mount(desk.device, {}, {}).code();
    };
    desk.volume.reset();
    const std::uint64_t own_start = superblock.mount_process_start;
    EXPECT_EQ(put(1, own_start + 1), 0);  // process 1 lives, but began at another time
    EXPECT_EQ(put(UINT32_MAX, 5), 0);     // no such process
  });
}

using Together = testing::TestWithParam<format::MapKind>;

// Each holds all blocks that it reads, and together they ask for more than the cache can hold.
TEST_P(Together, ManyLargeReadsAndWritesFindRoomInASmallCache) {
  in_runtime([] {
    constexpr std::size_t kSize = 1u << 20;
    constexpr std::size_t kFiles = 8;
    MemoryDevice memory = formatted({.size = 32u << 20, .map_kind = GetParam()});
    SuspendingDevice device(memory, 1);
    const auto volume =
        must(FileSystem::mount(device, {.capacity_bytes = 1u << 20}, FileSystem::Options{}));
    std::vector<thread::Thread> users;
    for (std::size_t i = 0; i < kFiles; ++i) {
      const NodeId file = must(volume->create(kCaller, kRootNode, std::to_string(i), 0666)).node;
      const auto use = [&volume, file, i] {
        auto bytes = bytes_of(i, kSize);
        must(volume->write(file, 0, 0, bytes, Setuid::kKeep));
        for (int round = 0; round < 3; ++round) {
          EXPECT_EQ(read_from(*volume, file, 0, kSize), bytes);
          std::ranges::reverse(bytes);
          must(volume->write(file, 0, 0, bytes, Setuid::kKeep));
        }
      };
      users.push_back(thread::spawn({.name = "user", .stack_size = 256 * 1024}, use));
    }
    for (thread::Thread& user : users) must(user.join());
    EXPECT_EQ(check_volume(*volume), std::vector<std::string>());
  });
}

INSTANTIATE_TEST_SUITE_P(Strategies, Together, every_strategy(), strategy_name);

}  // namespace
}  // namespace spindle::test
