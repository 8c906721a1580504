// Other blocks for a file's content: its strategy is changed, or it is moved to where it lies
// better. And what takes long ends when nobody waits for it.

#include <gtest/gtest.h>
#include <sys/xattr.h>

#include <algorithm>

#include "desk.h"
#include "spindle/base/random.h"
#include "spindle/fs/interruption.h"
#include "spindle/thread/thread.h"
#include "volume_check.h"

namespace spindle::test {
namespace {

using Arrangement = FileSystem::Arrangement;

template <class Test>
void with_each_strategy(Test test) {
  for (const FileMap* map : all_file_maps()) {
    SCOPED_TRACE(map->name());
    in_runtime([&] { test(*map); });
  }
}

TEST(VirtualAttributes, AConversionEndsWhenNobodyWaitsForIt) {
  in_runtime([] {
    Desk desk;
    const NodeId file = desk.file("a");
    const auto bytes = bytes_of(6, 50'000);
    must(desk.volume->write(file, 0, 0, bytes, Setuid::kKeep));
    const NodeId holes = desk.file("b");
    AttributeChange size{.size = true};
    size.to.size = 100'000;
    must(desk.volume->set_attributes(kCaller, holes, size));
    const std::uint64_t free_blocks = must(desk.volume->space()).free_blocks;
    Interruption interruption;
    interruption.interrupt();
    Caller caller = kCaller;
    caller.interruption = &interruption;
    for (const FileMap* map : all_file_maps()) {
      if (map->name() == "extent") continue;
      const auto name = std::as_bytes(std::span(map->name()));
      for (const NodeId one : {file, holes}) {
        EXPECT_EQ(desk.volume->set_xattr(caller, one, "user.spindle.alloc", name, 0).code(), EINTR);
        EXPECT_EQ(must(desk.volume->get_xattr(one, "user.spindle.alloc")), "extent");
      }
    }
    EXPECT_EQ(content_of(*desk.volume, file), bytes);
    EXPECT_EQ(must(desk.volume->space()).free_blocks, free_blocks);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

// Growth where holes have to be filled takes as long as it takes to write them.
TEST(Growth, EndsWhenNobodyWaitsForIt) {
  in_runtime([] {
    Desk desk({.size = 48u << 20, .block_size = 4096});
    Interruption interruption;
    interruption.interrupt();
    Caller caller = kCaller;
    caller.interruption = &interruption;
    const std::uint64_t free_blocks = must(desk.volume->space()).free_blocks;
    AttributeChange size{.size = true};
    size.to.size = 32u << 20;
    for (const std::string_view strategy : {"linked", "contiguous"}) {
      const NodeId file = desk.file(strategy);
      const auto name = std::as_bytes(std::span(strategy));
      must(desk.volume->set_xattr(kCaller, file, "user.spindle.alloc", name, 0));
      EXPECT_EQ(desk.volume->set_attributes(caller, file, size).code(), EINTR);
      EXPECT_EQ(desk.volume->allocate(caller, file, 0, 0, size.to.size).code(), EINTR);
      EXPECT_EQ(desk.at(file).size, 0u);
      EXPECT_EQ(must(desk.volume->space()).free_blocks, free_blocks) << strategy;
      AttributeChange short_size = size;
      short_size.to.size = 1u << 20;  // soon done, so it is not interrupted
      must(desk.volume->set_attributes(caller, file, short_size));
      must(desk.volume->unlink(kRootNode, strategy));
      desk.volume->forget(file, 1);
    }
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST(VirtualAttributes, ShowAndSetTheStrategy) {
  in_runtime([] {
    Desk desk;
    const NodeId file = desk.file("a");
    const auto bytes = bytes_of(6, 50'000);
    must(desk.volume->write(file, 0, 0, bytes, Setuid::kKeep));
    for (const FileMap* map : all_file_maps()) {
      const auto name = std::as_bytes(std::span(map->name()));
      must(desk.volume->set_xattr(kCaller, file, "user.spindle.alloc", name, 0));
      EXPECT_EQ(must(desk.volume->get_xattr(file, "user.spindle.alloc")), map->name());
      EXPECT_EQ(must(desk.volume->describe_map(file)).strategy, map->name());
      EXPECT_EQ(content_of(*desk.volume, file), bytes) << map->name();
      const std::string text = must(desk.volume->get_xattr(file, "user.spindle.map"));
      EXPECT_TRUE(text.starts_with("file_block block length kind\n0 ")) << text;
    }
    EXPECT_EQ(must(desk.volume->list_xattr(file)), "");
    const std::string_view wrong = "raid";
    EXPECT_EQ(
        desk.volume
            ->set_xattr(kCaller, file, "user.spindle.alloc", std::as_bytes(std::span(wrong)), 0)
            .code(),
        EINVAL);
    const auto fat = std::as_bytes(std::span(std::string_view("fat")));
    for (const char* name : {"user.spindle.alloc", "user.spindle.map"}) {
      EXPECT_EQ(desk.volume->set_xattr(kCaller, file, name, fat, XATTR_CREATE).code(), EEXIST);
    }
    must(desk.volume->set_xattr(kCaller, file, "user.spindle.alloc", fat, XATTR_REPLACE));
    const auto usage = must(desk.volume->usage());
    EXPECT_EQ(usage.directories, 2u);
    std::uint64_t files = 0;
    for (const auto& strategy : usage.strategies) files += strategy.files;
    EXPECT_EQ(files, 1u);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST(VirtualAttributes, NeedNothingForAFileWithoutBlocks) {
  in_runtime([] {
    Desk desk;
    std::vector<NodeId> files{desk.file("cut")};
    must(desk.volume->write(files[0], 0, 0, bytes_of(6, 50'000), Setuid::kKeep));
    AttributeChange cut;
    cut.size = true;
    must(desk.volume->set_attributes(kCaller, files[0], cut));
    must(desk.volume->set_xattr(kCaller, files[0], "user.mine", bytes_of(7, 300), 0));
    for (Result<Attributes> made = Error{ENOENT};; files.push_back(made->node)) {
      made = desk.volume->create(kCaller, kRootNode, std::to_string(files.size()), 0644);
      if (!made.ok()) break;
    }
    EXPECT_EQ(must(desk.volume->space()).free_files, 0u);
    for (const FileMap* map : all_file_maps()) {
      const auto name = std::as_bytes(std::span(map->name()));
      for (const NodeId file : {files.front(), files.back()}) {
        must(desk.volume->set_xattr(kCaller, file, "user.spindle.alloc", name, 0));
        EXPECT_EQ(must(desk.volume->get_xattr(file, "user.spindle.alloc")), map->name());
        must(desk.volume->write(file, 0, 0, bytes_of(8, 3000), Setuid::kKeep));
        EXPECT_EQ(content_of(*desk.volume, file), bytes_of(8, 3000)) << map->name();
        must(desk.volume->set_attributes(kCaller, file, cut));
      }
    }
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

// A file in many pieces, written in turn with another one whose blocks lie between.
NodeId scattered_file(Desk& desk, const FileMap& map, std::vector<std::byte>& bytes) {
  must(desk.volume->space_manager().set_fit_policy("first"));
  const auto strategy = std::as_bytes(std::span(map.name()));
  const NodeId file = desk.file(std::string(map.name()));
  must(desk.volume->set_xattr(kCaller, file, "user.spindle.alloc", strategy, 0));
  const NodeId between = desk.file(std::string(map.name()) + "-between");
  for (std::uint64_t i = 0; i < 30; ++i) {
    const auto part = bytes_of(i, 3100);
    must(desk.volume->write(file, 0, bytes.size(), part, Setuid::kKeep));
    must(desk.volume->write(between, 0, i * 3100, part, Setuid::kKeep));
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return file;
}

TEST(Rearranging, BringsTheBlocksOfAFileTogetherAndChangesNothingElse) {
  with_each_strategy([](const FileMap& map) {
    Desk desk;
    std::vector<std::byte> bytes;
    const NodeId file = scattered_file(desk, map, bytes);
    // A hole, and blocks beyond the end.
    if (map.has_holes()) must(desk.volume->allocate({}, file, 3, 20'480, 10'240));
    if (map.has_holes()) std::fill_n(bytes.begin() + 20'480, 10'240, std::byte{});
    must(desk.volume->allocate({}, file, 1, bytes.size(), 9000));
    const Attributes before = desk.at(file);
    const bool is_one = map.kind() == format::MapKind::kContiguous;
    const auto plan = must(desk.volume->plan_rearrangement(file, Arrangement::kFewestRuns));
    EXPECT_EQ(is_one, plan.before.runs == 1);
    EXPECT_EQ(plan.moves, !is_one);
    EXPECT_EQ(desk.at(file).sectors, before.sectors);

    desk.now += 1000;
    const auto moved = must(desk.volume->rearrange(file, Arrangement::kFewestRuns));
    EXPECT_EQ(moved.before.runs, plan.before.runs);
    EXPECT_EQ(moved.after.runs, 1u);
    EXPECT_EQ(moved.after.blocks, plan.before.blocks);
    const auto again = must(desk.volume->rearrange(file, Arrangement::kFewestRuns));
    EXPECT_FALSE(again.moves);
    EXPECT_EQ(again.before.runs, 1u);
    EXPECT_EQ(again.before.blocks, plan.after.blocks);
    EXPECT_EQ(content_of(*desk.volume, file), bytes);
    EXPECT_EQ(desk.at(file).changed.seconds, before.changed.seconds);
    EXPECT_EQ(desk.at(file).modified.seconds, before.modified.seconds);
    EXPECT_LE(desk.at(file).sectors, before.sectors);
    EXPECT_EQ(desk.volume->rearrange(kRootNode, Arrangement::kFewestRuns).code(), EINVAL);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST(Rearranging, MovesFilesForwardSoThatTheFreeBlocksComeTogether) {
  in_runtime([] {
    Desk desk;
    const auto strategy = std::as_bytes(std::span(std::string_view("contiguous")));
    must(desk.volume->set_xattr(kCaller, kRootNode, "user.spindle.alloc", strategy, 0));
    std::vector<NodeId> files;
    const auto bytes = bytes_of(1, 200 * 1024);
    for (int i = 0; i < 30; ++i) {
      files.push_back(desk.file("f" + std::to_string(i)));
      must(desk.volume->write(files.back(), 0, 0, bytes, Setuid::kKeep));
      must(desk.volume->allocate({}, files.back(), 1, bytes.size(), 9000));
    }
    const std::uint64_t sectors = desk.at(files[1]).sectors;
    for (std::size_t i = 0; i < files.size(); i += 2) {
      must(desk.volume->unlink(kRootNode, "f" + std::to_string(i)));
      desk.volume->forget(files[i], 1);
    }
    must(desk.volume->sync_all());
    SpaceManager& space = desk.volume->space_manager();
    const std::uint64_t before = must(space.longest_free_run());
    const auto large = bytes_of(2, (before + 300) * 1024);
    const NodeId grows = desk.file("large");
    EXPECT_EQ(desk.volume->write(grows, 0, 0, large, Setuid::kKeep).code(), ENOSPC);
    for (std::size_t i = files.size(); i-- > 0;) {
      if (i % 2 == 0) continue;
      must(desk.volume->rearrange(files[i], Arrangement::kTowardsFront));
      EXPECT_EQ(content_of(*desk.volume, files[i]), bytes);
      EXPECT_EQ(desk.at(files[i]).sectors, sectors);
    }
    must(desk.volume->sync_all());
    EXPECT_GT(must(space.longest_free_run()), before + 1000);
    EXPECT_EQ(must(desk.volume->write(grows, 0, 0, large, Setuid::kKeep)), large.size());
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST(Rearranging, SlidesFilesOverHolesThatHoldNoneOfThem) {
  with_each_strategy([](const FileMap& map) {
    Desk desk;
    FileSystem& volume = *desk.volume;
    must(volume.space_manager().set_fit_policy("first"));
    const auto strategy = std::as_bytes(std::span(map.name()));
    must(volume.set_xattr(kCaller, kRootNode, "user.spindle.alloc", strategy, 0));
    const auto bytes = bytes_of(1, 30 * 1024 - 500);
    std::vector<NodeId> files;
    std::vector<NodeId> spacers;
    for (int i = 0; i < 25; ++i) {
      files.push_back(desk.file("f" + std::to_string(i)));
      must(volume.write(files.back(), 0, 0, bytes, Setuid::kKeep));
      spacers.push_back(desk.file("s" + std::to_string(i)));
      must(volume.write(spacers.back(), 0, 0, std::span(bytes).first(4000), Setuid::kKeep));
    }
    // Nearly full: there is room for one file out of the way.
    const std::uint64_t free = must(volume.space_manager().longest_free_run());
    const NodeId rest = desk.file("rest");
    const auto extent = std::as_bytes(std::span(std::string_view("extent")));
    must(volume.set_xattr(kCaller, rest, "user.spindle.alloc", extent, 0));
    must(volume.allocate({}, rest, 0, 0, (free - 45) * 1024));
    for (std::size_t i = 0; i < spacers.size(); ++i) {
      must(volume.unlink(kRootNode, "s" + std::to_string(i)));
      volume.forget(spacers[i], 1);
    }
    must(volume.settle_space());
    const std::uint64_t before = must(volume.space_manager().longest_free_run());
    for (const NodeId file : files) {
      const auto moved = must(volume.rearrange(file, Arrangement::kDown));
      EXPECT_EQ(moved.after.runs, moved.before.runs);
      EXPECT_GE(must(volume.space_manager().longest_free_run()) + moved.after.blocks, before);
      EXPECT_EQ(content_of(volume, file), bytes);
    }
    must(volume.settle_space());
    EXPECT_GE(must(volume.space_manager().longest_free_run()), before + 15);
    EXPECT_EQ(check_volume(volume), std::vector<std::string>());
  });
}

TEST(Rearranging, LetsWritersInFromPieceToPiece) {
  in_runtime([] {
    Desk desk({.size = 32u << 20});
    const NodeId file = desk.file("large");
    auto bytes = bytes_of(1, 6u << 20);
    must(desk.volume->space_manager().set_fit_policy("first"));
    const NodeId between = desk.file("between");
    for (std::size_t at = 0; at < bytes.size(); at += 1u << 20) {
      must(desk.volume->write(file, 0, at, std::span(bytes).subspan(at, 1u << 20), Setuid::kKeep));
      must(desk.volume->write(between, 0, at, std::span(bytes).first(1), Setuid::kKeep));
    }
    bool is_over = false;
    FileSystem::Rearrangement moved;
    thread::Thread mover = thread::spawn({.name = "mover", .stack_size = 256 * 1024}, [&] {
      moved = must(desk.volume->rearrange(file, Arrangement::kFewestRuns));
      is_over = true;
    });
    thread::yield();
    Random random(5);
    int writes = 0;
    for (; !is_over; ++writes) {
      const auto part = bytes_of(random(), 1 + random.below(9000));
      const std::uint64_t offset = random.below(bytes.size() - part.size());
      std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
      must(desk.volume->write(file, 0, offset, part, Setuid::kKeep));
      thread::yield();
    }
    must(mover.join());
    EXPECT_TRUE(moved.moves);
    EXPECT_EQ(moved.after.runs, 1u);
    EXPECT_GE(writes, 5);
    EXPECT_EQ(content_of(*desk.volume, file), bytes);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST(Rearranging, RefusesTheInodeThatHasTheFormerBlocksOfAFile) {
  in_runtime([] {
    Desk desk({.map_kind = format::MapKind::kLinked});
    const NodeId files[] = {desk.file("one"), desk.file("two")};
    const auto bytes = bytes_of(1, 9000);
    for (std::size_t i = 0; i < 40; ++i)
      must(desk.volume->write(files[i % 2], 0, 9000 * (i / 2), bytes, Setuid::kKeep));
    const auto move = [&](NodeId file) {
      return desk.volume->rearrange(file, Arrangement::kFewestRuns);
    };
    auto mover = thread::spawn({.name = "mover"}, [&] { EXPECT_TRUE(must(move(files[0])).moves); });
    thread::yield();
    EXPECT_EQ(move(files[1] + 1).code(), ESTALE);
    must(mover.join());
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

TEST(Rearranging, GoesOnWhileTheFileIsReadAndWritten) {
  with_each_strategy([](const FileMap& map) {
    Desk desk;
    std::vector<std::byte> bytes;
    const NodeId file = scattered_file(desk, map, bytes);
    bool is_over = false;
    thread::Thread mover = thread::spawn({.name = "mover", .stack_size = 256 * 1024}, [&] {
      for (std::uint64_t round = 0; !is_over; ++round) {
        must(desk.volume->rearrange(file, Arrangement{static_cast<std::uint8_t>(round % 4)}));
        thread::yield();
      }
    });
    Random random(7);
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t offset = random.below(bytes.size() + (i % 3 == 0 ? 500 : 0));
      const auto part = bytes_of(random(), 1 + random.below(4000));
      bytes.resize(std::max<std::size_t>(bytes.size(), offset + part.size()));
      std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
      must(desk.volume->write(file, 0, offset, part, Setuid::kKeep));
      if (i % 10 == 0) {
        ASSERT_EQ(content_of(*desk.volume, file), bytes);
      }
    }
    is_over = true;
    must(mover.join());
    EXPECT_EQ(content_of(*desk.volume, file), bytes);
    EXPECT_EQ(check_volume(*desk.volume), std::vector<std::string>());
  });
}

}  // namespace
}  // namespace spindle::test
