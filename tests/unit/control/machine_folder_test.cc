// What .spindle/proc shows of the machine, and how many snapshots it takes.

#include <fcntl.h>
#include <gtest/gtest.h>

#include "spindle/control/control_tree.h"
#include "spindle/control/machine_control.h"
#include "spindle/thread/runtime.h"

namespace spindle {
namespace {

NodeId find(ControlTree& tree, NodeId folder, std::string_view name, const Caller& caller = {}) {
  const auto found = tree.lookup_for(caller, folder, name);
  EXPECT_TRUE(found.ok()) << name;
  return found.ok() ? found->node : 0;
}

/// A machine at rest, with a process 3 of two threads, in the files of a mount.
void with_machine(const std::function<void(ControlTree& tree, LiveMachine& live)>& use) {
  auto runtime = thread::Runtime::create({.stack_size = 256 * 1024}).take();
  const auto ran = runtime->run([&] {
    LiveMachine live({}, [] {
      auto host = std::make_unique<MemoryHost>();
      host->add("/bin/sleeper.lua", "sleep(1000)");
      return host;
    });
    ASSERT_TRUE(live.set_rate(0).ok());
    ControlTree tree;
    MachineControl control(tree, live, "/mnt");
    const auto started = live.with([](Machine& machine) {
      const auto number = machine.start(
          {.path = "/bin/two.lua", .source = "thread(function() sleep(1000) end) sleep(1000)"});
      machine.run_until({50'000'000});
      return number;
    });
    ASSERT_TRUE(started.ok());
    ASSERT_EQ(*started, 3);
    use(tree, live);
  });
  EXPECT_TRUE(ran.ok());
}

/// One snapshot serves a look-up, a list, or a file's text, however large; reading on from
/// elsewhere uses the same one.
TEST(MachineFolder, TakesOneSnapshotForEachAnswer) {
  with_machine([](ControlTree& tree, LiveMachine& live) {
    std::uint64_t before = live.uses();
    const auto uses = [&] { return live.uses() - std::exchange(before, live.uses()); };
    const NodeId proc = find(tree, kControlBit | kRootNode, "proc");
    const NodeId uptime = find(tree, proc, "uptime");
    EXPECT_EQ(uses(), 0u);
    const NodeId process = find(tree, proc, "3");
    EXPECT_EQ(uses(), 1u);
    for (const char* name : {"stat", "status", "maps", "task", "fd", "ns", "exe", "cwd", "ctl"}) {
      find(tree, process, name);
      EXPECT_EQ(uses(), 1u) << name;
    }
    for (const NodeId folder : {proc, process, find(tree, process, "task")}) {
      (void)uses();
      EXPECT_TRUE(tree.read_directory(folder, 0, [](const DirectoryItem&) { return true; }).ok());
      EXPECT_LE(uses(), 2u);  // and one for where ".." is
    }
    for (const NodeId file : {uptime, find(tree, process, "smaps"), find(tree, process, "stat")}) {
      const auto opened = tree.open(file, O_RDONLY);
      ASSERT_TRUE(opened.ok());
      (void)uses();
      const auto nothing = [](const auto&) {};
      EXPECT_TRUE(tree.read(file, opened->handle, 0, 100, nothing).ok());
      EXPECT_EQ(uses(), 1u);
      EXPECT_TRUE(tree.read(file, opened->handle, 100, 100, nothing).ok());
      EXPECT_EQ(uses(), 0u);
      tree.release(file, opened->handle);
    }
  });
}

/// Also while the machine rests: whoever has the number may use it.
TEST(MachineFolder, ShowsAProcessAsSoonAsItWasStarted) {
  with_machine([](ControlTree& tree, LiveMachine&) {
    const NodeId run = find(tree, find(tree, kControlBit | kRootNode, "machine"), "run");
    const auto opened = tree.open(run, O_RDWR);
    ASSERT_TRUE(opened.ok());
    const std::string_view line = "/bin/sleeper.lua | /bin/sleeper.lua\n";
    ASSERT_TRUE(
        tree.write(run, opened->handle, 0, std::as_bytes(std::span(line)), Setuid::kKeep).ok());
    const NodeId proc = find(tree, kControlBit | kRootNode, "proc");
    for (const char* number : {"5", "6"}) find(tree, find(tree, proc, number), "stat");
    tree.release(run, opened->handle);
  });
}

/// The links in ns/ name files that are there, with the numbers that they say; all processes are in
/// the same.
TEST(MachineFolder, NamespacesHaveTheNumbersThatTheirLinksSay) {
  with_machine([](ControlTree& tree, LiveMachine&) {
    const NodeId proc = find(tree, kControlBit | kRootNode, "proc");
    std::map<std::string, std::string> first;
    for (const char* process : {"1", "3"}) {
      const NodeId folder = find(tree, find(tree, proc, process), "ns");
      std::map<std::string, std::string> links;
      EXPECT_TRUE(tree.read_directory(folder, 0,
                                      [&](const DirectoryItem& item) {
                                        if (!item.name.starts_with('.'))
                                          links[std::string(item.name)];
                                        return true;
                                      })
                      .ok());
      EXPECT_EQ(links.size(), 10u);
      for (auto& [name, target] : links) {
        target = tree.read_link(find(tree, folder, name)).take();
        const auto file = tree.lookup(folder, target);
        ASSERT_TRUE(file.ok()) << target;
        const std::string kind = name.substr(0, name.find('_'));
        EXPECT_EQ(target, kind + ":[" + std::to_string(file->inode()) + "]");
        EXPECT_GE(file->inode(), 4026531836u);
        EXPECT_LT(file->inode(), 4026531836u + 10);
        EXPECT_EQ(tree.attributes(file->node)->inode(), file->inode());
      }
      EXPECT_EQ(links["pid"], links["pid_for_children"]);
      if (first.empty()) first = links;
      EXPECT_EQ(links, first);
    }
  });
}

}  // namespace
}  // namespace spindle
