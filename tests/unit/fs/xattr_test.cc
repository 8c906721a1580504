// Extended attributes against a std::map.
#include "xattr_fixture.h"

namespace spindle {
namespace {

std::string random_value(Random& random) {
  static constexpr std::array<std::size_t, 4> kSizes{16, 300, 5000, kMaxXattrValue + 1};
  std::string value(random.below(kSizes[random.below(random.one_in(6) ? 4 : 3)]), '\0');
  for (char& c : value) c = static_cast<char>(random.below(256));
  return value;
}

std::size_t stored_bytes(const XattrModel& model) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : model) {
    bytes += sizeof(format::XattrEntry) + name.size() + value.size();
  }
  return bytes;
}

void random_step(TestXattrs& attributes, XattrModel& model, Random& random) {
  static constexpr std::array<std::string_view, 3> kPrefixes{"user.", "trusted.", "security."};
  const bool drop = random.one_in(8);
  const std::string name =
      std::string(kPrefixes[random.below(3)]) + static_cast<char>('a' + random.below(12));
  const bool is_there = model.contains(name);
  if (random.one_in(3)) {
    ASSERT_EQ(attributes.remove(name, drop).code(), is_there ? 0 : ENODATA);
    if (!drop) model.erase(name);
  } else {
    const int flags = random.one_in(2) ? 0 : random.one_in(2) ? XATTR_CREATE : XATTR_REPLACE;
    XattrModel wanted = model;
    wanted[name] = random_value(random);
    int code = stored_bytes(wanted) > kMaxXattrTotal ? ENOSPC : 0;
    if (flags == XATTR_CREATE && is_there) code = EEXIST;
    if (flags == XATTR_REPLACE && !is_there) code = ENODATA;
    ASSERT_EQ(attributes.set(name, wanted[name], flags, drop).code(), code);
    if (code == 0 && !drop) model = wanted;
  }
  const auto value = attributes.get(name);
  ASSERT_EQ(value.code(), model.contains(name) ? 0 : ENODATA);
  if (value.ok()) {
    ASSERT_EQ(*value, model[name]);
  }
}

class XattrBlocks : public testing::TestWithParam<std::uint32_t> {};

TEST_P(XattrBlocks, AgreeWithAMap) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    in_runtime([&] {
      Random random(seed);
      BareVolume volume(GetParam());
      const std::uint64_t free_at_first = volume.free_blocks();
      TestXattrs attributes(volume);
      XattrModel model;
      for (int step = 0; step < 500 && !testing::Test::HasFatalFailure(); ++step) {
        random_step(attributes, model, random);
        if (step % 20 == 19) attributes.expect(model);
        if (random.one_in(100)) volume.remount();
        if (random.one_in(100)) {
          ASSERT_TRUE(volume.journal->sync().ok());
          volume.crash();
        }
      }
      EXPECT_EQ(volume.free_blocks(),
                free_at_first - static_cast<std::uint64_t>(attributes.blocks));
      while (!model.empty()) {
        ASSERT_EQ(attributes.remove(model.begin()->first).code(), 0);
        model.erase(model.begin());
      }
      attributes.expect(model);
      EXPECT_EQ(volume.free_blocks(), free_at_first);
    });
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(All, XattrBlocks, testing::Values(1024u, 4096u, 65536u));

TEST(Xattr, ListsNamesInTheOrderOfTheirMaking) {
  in_runtime([] {
    BareVolume volume(4096);
    TestXattrs attributes(volume);
    for (const char* name : {"user.b", "user.a", "security.c", "system.posix_acl_access"}) {
      ASSERT_EQ(attributes.set(name, "value").code(), 0);
    }
    ASSERT_EQ(attributes.set("user.b", "another").code(), 0);
    XattrFile file = attributes.file(0);
    const std::string_view names("user.b\0user.a\0security.c\0system.posix_acl_access\0", 49);
    EXPECT_EQ(*XattrChain(file).list(*volume.reader), names);
  });
}

TEST(Xattr, KeepsTheNamespacesOfLinux) {
  for (const char* name : {"user.x", "trusted.overlay.opaque", "security.capability",
                           "system.posix_acl_access", "system.posix_acl_default"}) {
    EXPECT_EQ(XattrChain::check_name(name).code(), 0) << name;
  }
  for (const char* name : {"x", "userx", "system.other", "system.posix_acl_accessory", "os2.x"}) {
    EXPECT_EQ(XattrChain::check_name(name).code(), EOPNOTSUPP) << name;
  }
  for (const char* name : {"user.", "trusted.", "security."}) {
    EXPECT_EQ(XattrChain::check_name(name).code(), EINVAL) << name;
  }
  EXPECT_EQ(XattrChain::check_name("").code(), ERANGE);
  EXPECT_EQ(XattrChain::check_name("user." + std::string(250, 'n')).code(), 0);
  EXPECT_EQ(XattrChain::check_name("user." + std::string(251, 'n')).code(), ERANGE);
}

TEST(Xattr, HasLimits) {
  in_runtime([] {
    BareVolume volume(4096);
    TestXattrs attributes(volume);
    const std::string largest(kMaxXattrValue, 'v');
    EXPECT_EQ(attributes.set("user.0", largest + "v").code(), E2BIG);
    for (const char* name : {"user.1", "user.2", "user.3"}) {
      EXPECT_EQ(attributes.set(name, largest).code(), 0);
    }
    EXPECT_EQ(attributes.set("user.4", largest).code(), ENOSPC);
    EXPECT_EQ(*attributes.get("user.3"), largest);
  });
}

TEST(Xattr, LeavesADeletedInodeInSmallSteps) {
  in_runtime([] {
    BareVolume volume(1024);
    const std::uint64_t free_at_first = volume.free_blocks();
    TestXattrs attributes(volume);
    XattrModel model;
    for (int i = 0; i < 200; ++i) {
      // Blocks of other files lie in between: freeing a chain in many pieces takes much log.
      auto tx = volume.journal->begin(log_cost::kAllocate);
      ASSERT_TRUE(volume.space->allocate(*tx, {.want = 1, .hint = kNoBlock}).ok());
      tx->commit();
      const std::string name = "user." + std::to_string(i);
      ASSERT_EQ(attributes.set(name, std::string(900, 'v')).code(), 0);
    }
    const std::uint64_t others =
        free_at_first - volume.free_blocks() - static_cast<std::uint64_t>(attributes.blocks);
    int steps = 0;
    for (bool done = false; !done; ++steps) {
      auto tx = volume.journal->begin(8192);
      XattrFile file = attributes.file(8192);
      const auto removed = XattrChain(file).remove_all(*tx);
      ASSERT_TRUE(removed.ok());
      done = *removed;
      tx->commit();
      attributes.first_block = file.first_block;
      attributes.blocks += file.block_delta;
      ASSERT_TRUE(attributes.all().ok());
    }
    EXPECT_GT(steps, 1);
    EXPECT_EQ(attributes.first_block, kNoBlock);
    EXPECT_EQ(attributes.blocks, 0);
    EXPECT_EQ(volume.free_blocks(), free_at_first - others);
  });
}

TEST(Xattr, SurvivesDamageWithGoodChecksums) {
  in_runtime([] {
    BareVolume volume(1024);
    TestXattrs attributes(volume);
    Random random(5);
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(attributes.set("user." + std::to_string(i), std::string(700, 'v')).code(), 0);
    }
    std::vector<BlockNo> chain;
    XattrFile file = attributes.file(0);
    ASSERT_TRUE(XattrChain(file)
                    .walk(*volume.reader,
                          [&](BlockNo block, std::string_view) {
                            chain.push_back(block);
                            return Result<>{};
                          })
                    .ok());
    ASSERT_TRUE(volume.journal->checkpoint().ok());
    volume.remount();
    const MemoryDevice good = volume.device;
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
      volume.device = good;
      const BlockNo block = chain[random.below(chain.size())];
      std::vector<std::byte> bytes(1024);
      volume.device.peek(block.value * 1024, bytes);
      for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
        const std::size_t at = 24 + random.below(random.one_in(3) ? 1000 : 40);
        bytes[at] = static_cast<std::byte>(random.one_in(3) ? 0 : random.below(256));
      }
      if (random.one_in(4)) {
        format::at<format::XattrHead>(bytes, format::kHeaderSize).next =
            chain[random.below(chain.size())].value;
      }
      format::seal_block(bytes, volume.layout.seed, block, EpochNo{1});
      volume.device.poke(block.value * 1024, bytes);
      volume.cache->drop_clean();
      const auto all = attributes.all();
      ASSERT_TRUE(all.ok() || all.code() == EUCLEAN) << all.error().describe();
      refused += !all.ok();
      const int set = attributes.set("user.3", "short", 0, true).code();
      ASSERT_TRUE(set == 0 || set == EUCLEAN) << set;
    }
    volume.device = good;
    volume.cache->drop_clean();
    EXPECT_GT(refused, 100);
  });
}

}  // namespace
}  // namespace spindle
