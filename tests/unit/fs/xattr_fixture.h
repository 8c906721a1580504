// The extended attributes of one inode on a BareVolume, and the model that they are compared with.
#pragma once

#include <sys/xattr.h>

#include <map>
#include <string>

#include "bare_volume.h"
#include "fs/directory.h"
#include "fs/xattr.h"

namespace spindle {

using XattrModel = std::map<std::string, std::string>;

class TestXattrs {
 public:
  static constexpr InodeNo kInode{9};

  explicit TestXattrs(BareVolume& volume) : volume_(volume) {}

  /// Runs `change` in a transaction of its own, with as large a budget as it turns out to take.
  Result<> change(const std::function<Result<>(Transaction&, XattrChain&)>& change,
                  bool drop = false) {
    std::size_t budget = XattrChain::log_bytes(volume_.layout.block_size, 0);
    while (true) {
      auto tx = volume_.journal->begin(budget);
      if (!tx.ok()) return tx.error();
      XattrFile copy = file(budget);
      XattrChain chain(copy);
      const Result<> done = change(*tx, chain);
      if (done.code() == kNeedsRoom) {
        EXPECT_GT(copy.log_budget, budget);
        budget = copy.log_budget;
        continue;
      }
      if (!done.ok() || drop) return done;
      tx->commit();
      first_block = copy.first_block;
      blocks += copy.block_delta;
      return done;
    }
  }
  Result<> set(std::string_view name, std::string_view value, int flags = 0, bool drop = false) {
    return change(
        [&](Transaction& tx, XattrChain& chain) { return chain.set(tx, name, value, flags); },
        drop);
  }
  Result<> remove(std::string_view name, bool drop = false) {
    return change([&](Transaction& tx, XattrChain& chain) { return chain.remove(tx, name); }, drop);
  }
  Result<std::string> get(std::string_view name) {
    XattrFile copy = file(0);
    return XattrChain(copy).get(*volume_.reader, name);
  }
  Result<std::vector<Xattr>> all() {
    XattrFile copy = file(0);
    return XattrChain(copy).all(*volume_.reader);
  }

  void expect(const XattrModel& model) {
    const auto attributes = all();
    ASSERT_TRUE(attributes.ok()) << attributes.error().describe();
    XattrModel found;
    for (const Xattr& attribute : *attributes) {
      ASSERT_TRUE(found.emplace(attribute.name, attribute.value).second) << "stands twice";
    }
    ASSERT_EQ(found, model);
    std::uint64_t walked = 0;
    XattrFile copy = file(0);
    const Result<> walk = XattrChain(copy).walk(
        *volume_.reader, [&](BlockNo, std::string_view) { return ++walked, Result<>{}; });
    ASSERT_TRUE(walk.ok());
    ASSERT_EQ(walked, static_cast<std::uint64_t>(blocks));
    ASSERT_EQ(model.empty(), !first_block);
  }

  XattrFile file(std::size_t budget) {
    return {.inode = kInode,
            .space = *volume_.space,
            .first_block = first_block,
            .hint = kNoBlock,
            .log_budget = budget,
            .block_delta = 0};
  }

  BlockNo first_block = kNoBlock;
  std::int64_t blocks = 0;

 private:
  BareVolume& volume_;
};

}  // namespace spindle
