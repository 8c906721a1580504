#include "spindle/control/control_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <new>

#include "spindle/fs/interruption.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

using Names = std::vector<std::string>;

NodeId find(ControlTree& tree, std::string_view path, const Caller& caller = {}) {
  NodeId node = kControlBit | kRootNode;
  while (!path.empty()) {
    const auto name = path.substr(0, path.find('/'));
    const auto found = tree.lookup_for(caller, node, name);
    if (!found.ok()) return 0;
    node = found->node;
    path.remove_prefix(std::min(path.size(), name.size() + 1));
  }
  return node;
}

Names names_of(ControlTree& tree, NodeId folder, std::int64_t position = 0) {
  Names names;
  EXPECT_TRUE(tree.read_directory(folder, position,
                                  [&](const DirectoryItem& item) {
                                    EXPECT_NE(item.node, 0u);
                                    names.emplace_back(item.name);
                                    return true;
                                  })
                  .ok());
  return names;
}

std::uint64_t open(ControlTree& tree, std::string_view path, int flags = O_RDWR) {
  const auto opened = tree.open(find(tree, path), flags);
  EXPECT_TRUE(opened.ok()) << path;
  return opened.ok() ? opened->handle : 0;
}

Result<std::string> read(ControlTree& tree, std::uint64_t handle, std::uint64_t offset = 0,
                         std::size_t size = 4096, const Caller& caller = {.may_wait = false}) {
  std::string text;
  TRY(tree.read_for(caller, 0, handle, offset, size, [&](auto pieces) {
    for (const auto& piece : pieces) {
      text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
  }));
  return text;
}

Result<std::size_t> write(ControlTree& tree, std::uint64_t handle, std::string_view text,
                          const Caller& caller = {}) {
  return tree.write_for(caller, 0, handle, 0, std::as_bytes(std::span(text)), Setuid::kKeep);
}

// Numbers as folders, each with a file, and a link to the largest; the asker sees a folder of the
// name of its process.
class Numbers final : public VirtualFolder {
 public:
  static constexpr Id kLink = 1;
  static constexpr std::uint32_t kOwner = 77;
  std::vector<std::uint32_t> present{3, 20, 100};

  Result<Node> lookup(const Caller& caller, Id folder, std::string_view name) override {
    if (folder == 0 && name == "last") return node(kLink);
    if (folder != 0 && name == "value") return node(folder + 1);
    const Id number = std::strtoull(std::string(name).c_str(), nullptr, 10);
    if (folder != 0 || (!has(number) && static_cast<Id>(caller.process) != number)) {
      return Error{ENOENT};
    }
    return Node{.id = number << 8, .mode = S_IFDIR | 0555, .uid = kOwner};
  }
  Result<Node> node(Id id) override {
    if (id == kLink) return Node{.id = id, .mode = S_IFLNK | 0777, .generation = present.back()};
    if ((id & 1) != 0) return Node{.id = id, .parent = id - 1, .mode = S_IFREG | 0444};
    return Node{.id = id, .mode = S_IFDIR | 0555, .uid = kOwner};
  }
  Result<std::vector<Item>> list(Id folder) override {
    if (folder != 0) return std::vector<Item>{{"value", folder + 1, S_IFREG, 1}};
    std::vector<Item> items{{"last", kLink, S_IFLNK, 1}};
    for (const auto n : present) items.push_back({std::to_string(n), Id{n} << 8, S_IFDIR, 1 + n});
    return items;
  }
  Result<std::string> target(Id) override { return std::to_string(present.back()); }
  Result<ControlFile> open(Id file) override {
    return ControlFile{.read = [this, number = file >> 8]() -> Result<std::string> {
      if (!has(number)) return Error{ESRCH};
      return std::to_string(number) + "\n";
    }};
  }

 private:
  [[nodiscard]] bool has(Id number) const {
    return std::find(present.begin(), present.end(), number) != present.end();
  }
};

TEST(ControlTree, MakesTheTextWhenAReadArrivesAtTheStart) {
  ControlTree tree;
  int made = 0;
  tree.add_file("count", {.read = [&]() -> Result<std::string> {
                  return std::string(10, static_cast<char>('0' + made++));
                }});
  const auto handle = open(tree, "count", O_RDONLY);
  EXPECT_EQ(made, 0);
  EXPECT_EQ(*read(tree, handle), "0000000000");
  EXPECT_EQ(*read(tree, handle, 4), "000000");
  EXPECT_EQ(*read(tree, handle, 10), "");
  EXPECT_EQ(*read(tree, handle, 0, 3), "111");
  EXPECT_EQ(*read(tree, handle, 3, 3), "111");
  EXPECT_EQ(*read(tree, open(tree, "count", O_RDONLY), 8), "22");
  EXPECT_EQ(tree.attributes(find(tree, "count"))->size, 0u);
}

TEST(ControlTree, FindsListsAndReadsComputedFolders) {
  ControlTree tree;
  Numbers numbers;
  tree.add_file("other/file", {.read = []() -> Result<std::string> { return std::string("x"); }});
  tree.add_folder("other/numbers", numbers);
  const NodeId folder = find(tree, "other/numbers");
  EXPECT_EQ(names_of(tree, folder), (Names{".", "..", "last", "3", "20", "100"}));
  EXPECT_EQ(names_of(tree, find(tree, "other/numbers/20")), (Names{".", "..", "value"}));
  EXPECT_EQ(tree.lookup(folder, "..")->node, find(tree, "other"));
  EXPECT_EQ(tree.lookup(find(tree, "other/numbers/20"), "..")->node, folder);
  EXPECT_EQ(find(tree, "other/numbers/4"), 0u);
  EXPECT_NE(find(tree, "other/numbers/4", {.process = 4}), 0u);
  EXPECT_EQ(tree.attributes(find(tree, "other/numbers/20"))->uid, Numbers::kOwner);
  EXPECT_EQ(*tree.read_link(find(tree, "other/numbers/last")), "100");
  EXPECT_EQ(*read(tree, open(tree, "other/numbers/20/value", O_RDONLY)), "20\n");
}

TEST(ControlTree, GoesOnListingWhereItStoodWhileNamesComeAndGo) {
  ControlTree tree;
  Numbers numbers;
  tree.add_folder("numbers", numbers);
  const NodeId folder = find(tree, "numbers");
  std::int64_t after_three = 0;
  EXPECT_TRUE(tree.read_directory(folder, 0,
                                  [&](const DirectoryItem& item) {
                                    after_three = item.position;
                                    return item.name != "3";
                                  })
                  .ok());
  numbers.present = {7, 20, 101};
  EXPECT_EQ(names_of(tree, folder, after_three), (Names{"7", "20", "101"}));
}

TEST(ControlTree, AnswersForWhatIsGone) {
  ControlTree tree;
  Numbers numbers;
  tree.add_folder("numbers", numbers);
  const auto handle = open(tree, "numbers/20/value", O_RDONLY);
  numbers.present = {3};
  EXPECT_EQ(read(tree, handle).code(), ESRCH);
  EXPECT_EQ(find(tree, "numbers/20"), 0u);
  EXPECT_EQ(tree.attributes(find(tree, "numbers/last"))->generation, 3u);
}

TEST(ControlTree, SurvivesWhatThereIsNoMemoryFor) {
  ControlTree tree;
  std::string said;
  tree.on_refused([&](std::string text) { said = std::move(text); });
  tree.add_file("large", {.read = []() -> Result<std::string> { throw std::bad_alloc(); },
                          .write = [](std::string_view) -> Result<> { throw std::bad_alloc(); }});
  const std::uint64_t file = open(tree, "large");
  EXPECT_EQ(read(tree, file).code(), ENOMEM);
  EXPECT_EQ(write(tree, file, "1").code(), ENOMEM);
  EXPECT_NE(said.find("large: '1' is refused: there is no memory"), std::string::npos) << said;
}

TEST(ControlTree, SaysWhatAChoiceTakes) {
  ControlTree tree;
  std::string told;
  tree.on_refused([&](std::string text) { told = std::move(text); });
  Error error{EINVAL, "there is no such fruit"};
  tree.add_file("fruit", {.read = [] { return Result<std::string>("apple [pear] plum\n"); },
                          .write = [&](std::string_view) { return Result<>(error); },
                          .is_choice = true});
  const auto handle = open(tree, "fruit", O_WRONLY);
  EXPECT_EQ(write(tree, handle, "nut\n").code(), EINVAL);
  EXPECT_EQ(told,
            "fruit: 'nut' is refused: there is no such fruit (Invalid argument); it takes apple, "
            "pear, plum");
  error = {EBUSY, "somebody eats"};
  EXPECT_EQ(write(tree, handle, "plum\n").code(), EBUSY);
  EXPECT_EQ(told, "fruit: 'plum' is refused: somebody eats (Device or resource busy)");
  EXPECT_EQ(write(tree, handle, "p\x1b[2J\xff\n").code(), EBUSY);
  EXPECT_EQ(told, "fruit: 'p\\x1b[2J\\xff' is refused: somebody eats (Device or resource busy)")
      << "nothing that a terminal would obey";
}

TEST(ControlTree, AppliesCommandsUpToTheFirstThatIsRefused) {
  ControlTree tree;
  Names done;
  std::string told;
  tree.on_refused([&](std::string text) { told = std::move(text); });
  tree.add_file("ctl", {.command = [&](const Caller& caller, std::string_view line) -> Result<> {
                  if (caller.uid != 5) return Error{EPERM, "it is not yours"};
                  if (line == "bad") return Error{EINVAL, "there is no such verb"};
                  done.emplace_back(line);
                  return {};
                }});
  const auto handle = open(tree, "ctl", O_WRONLY);
  const Caller owner{.uid = 5};
  EXPECT_EQ(*write(tree, handle, "one\ntwo\n", owner), 8u);
  EXPECT_EQ(*write(tree, handle, "three\nbad\nfour\n", owner), 6u);
  EXPECT_EQ(told, "ctl: 'bad' is refused: there is no such verb (Invalid argument)");
  EXPECT_EQ(write(tree, handle, "bad\nfive\n", owner).code(), EINVAL);
  EXPECT_EQ(write(tree, handle, "six").code(), EPERM);
  EXPECT_EQ(*write(tree, handle, "\nseven", owner), 6u);
  EXPECT_EQ(done, (Names{"one", "two", "three", "seven"}));
}

TEST(ControlTree, GivesEachOpenerAFileOfItsOwn) {
  ControlTree tree;
  tree.add_file("echo", [] {
    auto said = std::make_shared<std::string>();
    return ControlFile{.read = [said]() -> Result<std::string> { return *said; },
                       .write = [said](std::string_view text) -> Result<> {
                         *said = text;
                         return {};
                       }};
  });
  const auto one = open(tree, "echo");
  const auto other = open(tree, "echo");
  EXPECT_TRUE(write(tree, one, "hello\n").ok());
  EXPECT_EQ(*read(tree, one), "hello");
  EXPECT_EQ(*read(tree, other), "");
}

TEST(ControlTree, AStreamWaitsForWhatComes) {
  auto runtime = thread::Runtime::create().take();
  const auto ran = runtime->run([] {
    ControlTree tree;
    std::string pending;
    thread::WaitQueue arrivals("arrivals");
    tree.add_file("pipe", {.stream = {.take = [&](std::size_t size) -> Result<std::string> {
                                        const std::string part = pending.substr(0, size);
                                        pending.erase(0, part.size());
                                        return part;
                                      },
                                      .arrivals = &arrivals}});
    const auto handle = open(tree, "pipe", O_RDONLY);
    EXPECT_EQ(read(tree, handle).code(), EAGAIN);
    Interruption interruption;
    const Caller patient{.interruption = &interruption};
    Result<std::string> first = std::string();
    auto reader = thread::spawn("reader", [&] { first = read(tree, handle, 0, 3, patient); });
    thread::yield();
    EXPECT_EQ(arrivals.size(), 1u);
    pending = "abcde";
    arrivals.wake_all();
    EXPECT_TRUE(reader.join().ok());
    EXPECT_EQ(*first, "abc");
    EXPECT_EQ(*read(tree, handle, 3), "de");
    reader = thread::spawn("reader", [&] { first = read(tree, handle, 5, 3, patient); });
    thread::yield();
    interruption.interrupt();
    EXPECT_TRUE(reader.join().ok());
    EXPECT_EQ(first.code(), EINTR);
    EXPECT_EQ(read(tree, handle, 5, 3, patient).code(), EINTR);
  });
  EXPECT_TRUE(ran.ok());
}

}  // namespace
}  // namespace spindle
