// Directories against a std::map: names, iteration, collisions, transactions that are dropped.
#include <set>

#include "directory_fixture.h"

namespace spindle {
namespace {

struct Variant {
  std::uint32_t block_size;
  TestDirectory::KeyOf key_of;
  std::size_t most_names;
  const char* name;
};

class DirectoryModel : public testing::TestWithParam<Variant> {};

/// Makes one random step on both; a dropped transaction happens to neither.
void random_step(TestDirectory& directory, Model& model, Random& random, std::size_t most_names) {
  const bool drop = random.one_in(8);
  const bool grow = random.below(most_names) >= model.size();
  const std::string name =
      model.empty() || random.one_in(2) ? random_name(random) : any_of(model, random);
  const bool is_there = model.contains(name);
  const ModelEntry entry = random_entry(random);
  if (random.one_in(5)) {
    ASSERT_EQ(directory.replace(name, entry, drop).code(), is_there ? 0 : ENOENT);
    if (is_there && !drop) model[name] = entry;
  } else if (grow) {
    ASSERT_EQ(directory.insert(name, entry, drop).code(), is_there ? EEXIST : 0);
    if (!is_there && !drop) model[name] = entry;
  } else {
    ASSERT_EQ(directory.remove(name, drop).code(), is_there ? 0 : ENOENT);
    if (!drop) model.erase(name);
  }
  const auto found = directory.lookup(name);
  ASSERT_TRUE(found.ok()) << found.error().describe();
  ASSERT_EQ(found->has_value(), model.contains(name));
  if (*found) {
    ASSERT_EQ((ModelEntry{(*found)->inode.value, (*found)->type}), model[name]);
  }
}

TEST_P(DirectoryModel, AgreesWithAMap) {
  const Variant& variant = GetParam();
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    in_runtime([&] {
      Random random(seed);
      BareVolume volume(variant.block_size);
      TestDirectory directory(volume, variant.key_of);
      Model model;
      std::size_t most_names = variant.most_names;
      for (int step = 0; step < 6000 && !testing::Test::HasFatalFailure(); ++step) {
        random_step(directory, model, random, most_names);
        if (step % 1500 == 1499) directory.expect(model);
        if (step % 1000 == 999) most_names = 1 + random.below(variant.most_names);
        if (random.one_in(1500)) volume.remount();
        if (random.one_in(1500)) {
          ASSERT_TRUE(volume.journal->sync().ok());
          volume.crash();
        }
      }
    });
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DirectoryModel,
                         testing::Values(Variant{1024, format::directory_key, 2000, "Blocks1K"},
                                         Variant{4096, format::directory_key, 2000, "Blocks4K"},
                                         Variant{65536, format::directory_key, 3000, "Blocks64K"},
                                         Variant{1024, few_keys, 700, "Colliding1K"},
                                         Variant{4096, few_keys, 700, "Colliding4K"},
                                         Variant{1024, format::directory_key, 3, "NearlyEmpty"}),
                         [](const auto& variant) { return variant.param.name; });

std::string numbered(std::size_t i) {
  return "name-" + std::to_string(i);
}

TEST(Directory, HoldsTensOfThousandsAndGivesEverythingBack) {
  for (const std::uint32_t block_size : {1024u, 4096u}) {
    in_runtime([block_size] {
      constexpr std::size_t kNames = 30'000;
      BareVolume volume(block_size);
      const std::uint64_t free_at_first = volume.free_blocks();
      TestDirectory directory(volume);
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < kNames; ++i) {
        ASSERT_EQ(directory.insert(numbered(i), {i + 1, S_IFREG}).code(), 0);
        order.push_back(i);
      }
      EXPECT_EQ(directory.levels(), 3u);
      EXPECT_GT(directory.rooms_made, 0u);
      const auto count =
          directory.look([](const Directory& d, BlockReader& reader) { return d.count(reader); });
      EXPECT_EQ(*count, kNames);

      Random random(1);
      for (std::size_t i = kNames; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
      for (const std::size_t i : order) ASSERT_EQ(directory.remove(numbered(i)).code(), 0);
      EXPECT_EQ(directory.content.size, 0u);
      EXPECT_EQ(directory.content.blocks, 0u);
      EXPECT_EQ(volume.free_blocks(), free_at_first);
    });
  }
}

TEST(Directory, UsesFreedNodesAgain) {
  in_runtime([] {
    BareVolume volume(1024);
    TestDirectory directory(volume);
    const auto fill = [&](std::size_t from) {
      for (std::size_t i = from; i < from + 3000; ++i) {
        ASSERT_EQ(directory.insert(numbered(i), {i + 1, S_IFREG}).code(), 0);
      }
    };
    ASSERT_EQ(directory.insert("stays", {1, S_IFREG}).code(), 0);
    fill(0);
    const std::uint64_t size = directory.content.size;
    for (std::size_t round = 1; round < 6; ++round) {
      for (std::size_t i = 0; i < 3000; ++i) {
        ASSERT_EQ(directory.remove(numbered((round - 1) * 3000 + i)).code(), 0);
      }
      EXPECT_EQ(directory.levels(), 1u);
      fill(round * 3000);
    }
    EXPECT_LT(directory.content.size, size + size / 4);
    EXPECT_TRUE(directory.walk().ok());
  });
}

TEST(Directory, ComesBackFromAFragmentedEnd) {
  in_runtime([] {
    BareVolume volume(1024);
    TestDirectory directory(volume);
    const std::uint64_t free_at_first = volume.free_blocks();
    std::uint64_t between = 0;
    for (std::size_t i = 0; i < 8000; ++i) {
      ASSERT_EQ(directory.insert(numbered(i), {i + 1, S_IFREG}).code(), 0);
      auto tx = volume.journal->begin(log_cost::kAllocate);
      const auto taken = volume.space->allocate(*tx, {.want = 1, .hint = kNoBlock});
      ASSERT_TRUE(taken.ok());
      tx->commit();
      between += taken->length;
    }
    for (std::size_t i = 0; i < 8000; ++i) {
      ASSERT_EQ(directory.remove(numbered(i)).code(), 0);
    }
    EXPECT_EQ(directory.content.size, 0u);
    // Blocks that one transaction could not free are a reserve for the next names.
    ASSERT_EQ(directory.insert("again", {1, S_IFREG}).code(), 0);
    directory.expect({{"again", {1, S_IFREG}}});
    ASSERT_EQ(directory.remove("again").code(), 0);
    for (int calls = 0; directory.content.blocks > 0 && calls < 10'000; ++calls) {
      ASSERT_EQ(directory.insert("again", {1, S_IFREG}).code(), 0);
      ASSERT_EQ(directory.remove("again").code(), 0);
    }
    EXPECT_EQ(directory.content.blocks, 0u);
    EXPECT_EQ(volume.free_blocks(), free_at_first - between);
  });
}

TEST(Directory, TellsApart256NamesOfOneHash) {
  in_runtime([] {
    BareVolume volume(1024);
    TestDirectory directory(volume, one_key);
    Model model;
    for (std::size_t i = 0; i < 256; ++i) {
      ASSERT_EQ(directory.insert(numbered(i), {i + 1, S_IFREG}).code(), 0);
      model[numbered(i)] = {i + 1, S_IFREG};
    }
    directory.expect(model);
    EXPECT_EQ(directory.insert("one more", {1, S_IFREG}).code(), ENOSPC);
    EXPECT_EQ(directory.insert(numbered(255), {1, S_IFREG}).code(), EEXIST);
    ASSERT_EQ(directory.remove(numbered(17)).code(), 0);
    ASSERT_EQ(directory.insert("one more", {5, S_IFREG}).code(), 0);
    model.erase(numbered(17));
    model["one more"] = {5, S_IFREG};
    directory.expect(model);
  });
}

TEST(Directory, MeetsEveryNameThatStaysExactlyOnce) {
  for (const TestDirectory::KeyOf key_of : {&format::directory_key, &few_keys}) {
    in_runtime([key_of] {
      Random random(7);
      BareVolume volume(1024);
      TestDirectory directory(volume, key_of);
      std::set<std::string> staying;
      Model passing;
      for (std::size_t i = 0; i < 600; ++i) {
        staying.insert(numbered(i));
        ASSERT_EQ(directory.insert(numbered(i), {i + 1, S_IFREG}).code(), 0);
      }
      for (int round = 0; round < 5; ++round) {
        std::vector<std::string> met;
        std::int64_t position = 0;
        for (std::size_t before = 1; before != met.size();) {
          before = met.size();
          position = directory.list(position, 1 + random.below(40), met);
          for (int i = 0; i < 20; ++i) {
            if (passing.size() > 300 || (!passing.empty() && random.one_in(2))) {
              const std::string gone = any_of(passing, random);
              ASSERT_EQ(directory.remove(gone).code(), 0);
              passing.erase(gone);
            } else {
              const std::string name = "passing-" + std::to_string(random.below(1'000'000));
              const Result<> inserted = directory.insert(name, {1, S_IFREG});
              ASSERT_TRUE(inserted.ok() || inserted.code() == EEXIST);
              passing[name] = {1, S_IFREG};
            }
          }
        }
        std::multiset<std::string> met_staying;
        for (const std::string& name : met) {
          if (staying.contains(name)) met_staying.insert(name);
        }
        EXPECT_EQ(met_staying, std::multiset<std::string>(staying.begin(), staying.end()));
      }
    });
  }
}

TEST(Directory, RefusesImpossiblePositions) {
  in_runtime([] {
    BareVolume volume(4096);
    TestDirectory directory(volume);
    ASSERT_EQ(directory.insert("a", {1, S_IFREG}).code(), 0);
    const auto visit_from = [&](std::int64_t position) {
      return directory.look([&](const Directory& d, BlockReader& reader) {
        return d.visit(reader, position, [](const DirectoryName&) { return false; });
      });
    };
    EXPECT_EQ(visit_from(-1).code(), EINVAL);
    EXPECT_TRUE(visit_from(INT64_MAX).ok());
  });
}

struct SmallVolume {
  std::uint32_t block_size;
  std::uint64_t size_bytes;
};

TEST(Directory, FillsTheSmallestVolumesAndEmptiesThem) {
  for (const SmallVolume& small : {SmallVolume{1024, 1 << 20}, SmallVolume{4096, 1 << 20},
                                   SmallVolume{16384, 4 << 20}, SmallVolume{65536, 4 << 20}}) {
    SCOPED_TRACE(small.block_size);
    in_runtime([&small] {
      BareVolume volume(small.block_size, small.size_bytes);
      TestDirectory directory(volume);
      const std::uint64_t free_at_first = volume.free_blocks();
      Model model;
      Random random(3);
      int code = 0;
      while (code == 0) {
        std::string name = random_name(random);
        name.resize(std::max<std::size_t>(name.size(), 100), 'x');
        if (model.contains(name)) continue;
        code = directory.insert(name, {1, S_IFREG}).code();
        if (code == 0) model[name] = {1, S_IFREG};
      }
      ASSERT_EQ(code, ENOSPC);
      directory.expect(model);
      while (!model.empty()) {
        const std::string name = any_of(model, random);
        ASSERT_EQ(directory.remove(name).code(), 0);
        model.erase(name);
      }
      EXPECT_EQ(directory.content.blocks, 0u);
      EXPECT_EQ(volume.free_blocks(), free_at_first);
    });
  }
}

}  // namespace
}  // namespace spindle
