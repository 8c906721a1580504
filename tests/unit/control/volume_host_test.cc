#include "spindle/control/volume_host.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <optional>

#include "mkfs/format_volume.h"
#include "spindle/device/memory_device.h"
#include "spindle/fs/file_system.h"
#include "spindle/machine/live_machine.h"
#include "spindle/thread/offload.h"

namespace spindle {
namespace {

constexpr const char* kProgram = R"(
  mkdir('/place') chdir('/place')
  local f = open('a', 'w') write(f, ('line\n'):rep(3000)) close(f)
  f = open('a', 'a') write(f, 'end') close(f)
  f = open('a', 'r+') seek(f, 5) write(f, 'LINE') seek(f, 0)
  local text = read(f, 100000) print(#text, text:sub(1, 12), stat('a').size)
  rename('a', 'b') print(open('a')) print(#list('/place'), list('/place')[1])
  remove('b') print(read(f, 10), seek(f, 0, 'end')) close(f)
  umask(27) f = open('m', 'w') close(f) mkdir('d') umask(18)
  link('m', 'n') chmod('n', 416) utime('m', 1000000)
  local s = stat('n') print(s.mode, s.links, s.modified, stat('d').mode, umask())
  print(link('d', 'e')) print(link('none', 'e')) print(link('m', 'n')) print(chmod('none', 1))
  remove('m') print(stat('n').links, chmod('n', 8192)) remove('n') remove('d')
  symlink('to', 'l') f = open('l', 'w') write(f, 'through') close(f)
  print(stat('to').size, lstat('l').link, lstat('l').size, stat('l').path, readlink('l'))
  mkdir('d') symlink('/place/d', 'k') f = open('k/x', 'w') close(f) symlink('../d/x', 'd/y')
  print(list('k')[1], list('d')[2], stat('k/../to').size, stat('k/y').path, chdir('k'), chdir())
  chdir('/place') print(symlink('x', 'l')) print(readlink('to')) print(symlink('', 'z'))
  symlink('o', 'o') print(open('o')) print(stat('o/')) print(open(('x/'):rep(3000)))
  link('l', 'h') rename('l', 'm') print(lstat('h').links, readlink('m'), chmod('m', 384))
  print(stat('to').mode) for _, name in ipairs {'m', 'h', 'k/x', 'k/y', 'k', 'd', 'to', 'o'} do
    print(name, remove(name)) end
  print(remove('/place'))
  fork(function() exec('/bin/child.lua', 'word') end) print(wait() ~= nil, now())
)";

/// What a machine with these files prints and counts, and all of its events.
std::string story(MachineHost& host) {
  auto machine = Machine::create({.seed = 5}, host).take();
  std::string text;
  machine->on_console([&](std::string_view printed) { text += printed; });
  EXPECT_TRUE(machine->start({.path = "/bin/test.lua", .uid = 1000, .gid = 1000}).ok());
  while (!machine->finished() && machine->now().ns < 60'000'000'000 && machine->step()) {
  }
  const EventRing& events = machine->events();
  for (std::uint64_t n = events.first(); n < events.end(); ++n)
    text += std::to_string(events.at(n).at.ns) + ' ' + std::to_string(events.at(n).value) + '\n';
  return text;
}

void add(Tree& volume, NodeId folder, const char* name, std::string_view text, std::uint32_t mode) {
  const auto file = volume.create({}, folder, name, S_IFREG | mode);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(volume.write(file->node, 0, 0, std::as_bytes(std::span(text)), Setuid::kKeep).ok());
  volume.forget(file->node, 1);
}

/// In the runtime of a volume whose root anybody may write to.
void with_volume(const std::function<void(thread::Runtime& runtime, FileSystem& volume)>& use) {
  MemoryDevice device(4096, 4096);
  auto runtime = thread::Runtime::create({.stack_size = 256 * 1024}).take();
  const auto ran = runtime->run([&] {
    const auto plan = plan_volume(4096, device.block_count(), {}).take();
    ASSERT_TRUE(format_volume(device, plan).ok());
    auto volume = FileSystem::mount(device, {}, {}).take();
    AttributeChange open_to_all;
    open_to_all.mode = true;
    open_to_all.to.mode = 0777;
    ASSERT_TRUE(volume->set_attributes({}, kRootNode, open_to_all).ok());
    use(*runtime, *volume);
    EXPECT_TRUE(volume->unmount().ok());
  });
  EXPECT_TRUE(ran.ok());
}

TEST(VolumeHost, IsWhatFilesInMemoryAreToAMachine) {
  MemoryHost memory;
  memory.add("/bin/test.lua", kProgram);
  memory.add("/bin/child.lua", "print('child', arg[1])");
  const std::string expected = story(memory);
  ASSERT_NE(expected.find("child\tword"), std::string::npos) << expected;
  with_volume([&](thread::Runtime& runtime, FileSystem& volume) {
    const auto bin = volume.make_directory({}, kRootNode, "bin", 0755);
    ASSERT_TRUE(bin.ok());
    add(volume, bin->node, "test.lua", kProgram, 0644);
    add(volume, bin->node, "child.lua", "print('child', arg[1])", 0644);
    volume.forget(bin->node, 1);
    add(volume, kRootNode, "secret", "x", 0600);
    const std::string told = thread::offload([&] {
      VolumeHost host(runtime, volume, "/mnt");
      EXPECT_EQ(host.real_path("/a"), "/mnt/a");
      host.as_user(1000, 1000);
      EXPECT_FALSE(host.lookup("/secret")->may_read);
      EXPECT_EQ(host.remove("/bin/test.lua").code(), EACCES);
      EXPECT_EQ(host.change_mode("/bin/test.lua", 0777).code(), EPERM);
      EXPECT_EQ(host.set_modified("/bin/test.lua", 5).code(), EPERM);
      EXPECT_EQ(host.set_modified("/bin/test.lua", std::nullopt).code(), EACCES);
      EXPECT_EQ(host.link("/bin/test.lua", "/bin/other").code(), EACCES);
      EXPECT_EQ(host.make_link("test.lua", "/bin/other").code(), EACCES);
      host.as_user(0, 0);
      return story(host);
    });
    EXPECT_EQ(told, expected);
  });
}

TEST(VolumeHost, KeepsUsersFromWhatIsNotTheirs) {
  with_volume([](thread::Runtime& runtime, FileSystem& volume) {
    const Caller owner{.uid = 1000, .gid = 1000};
    const auto sticky = volume.make_directory({}, kRootNode, "tmp", 01777);
    ASSERT_TRUE(sticky.ok());
    for (const char* name : {"a", "b"})
      ASSERT_TRUE(volume.create(owner, sticky->node, name, S_IFREG | 06777).ok());
    ASSERT_TRUE(volume.make_directory(owner, sticky->node, "d", 0777).ok());
    ASSERT_TRUE(volume.create({.uid = 1001, .gid = 7}, kRootNode, "lent", S_IFREG | 0755).ok());
    thread::offload([&] {
      VolumeHost host(runtime, volume, "/mnt");
      host.as_user(1001, 1001);
      EXPECT_EQ(host.remove("/tmp/a").code(), EPERM);
      EXPECT_EQ(host.remove("/tmp/d").code(), EPERM);
      EXPECT_EQ(host.rename("/tmp/a", "/a").code(), EPERM);
      EXPECT_EQ(host.rename("/lent", "/tmp/a").code(), EPERM);
      EXPECT_TRUE(host.rename("/lent", "/tmp/lent").ok());
      EXPECT_TRUE(host.change_mode("/tmp/lent", 06755).ok());
      EXPECT_EQ(host.lookup("/tmp/lent")->mode & 07777, 04755u);
      EXPECT_TRUE(host.truncate(host.lookup("/tmp/b")->id, 0).ok());
      EXPECT_EQ(host.lookup("/tmp/b")->mode & 07777, 0777u);
      EXPECT_TRUE(host.remove("/tmp/lent").ok());
      host.as_user(1000, 1000);
      EXPECT_TRUE(host.rename("/tmp/a", "/tmp/c").ok());
      EXPECT_TRUE(host.remove("/tmp/c").ok());
      EXPECT_TRUE(host.remove("/tmp/d").ok());
    });
  });
}

TEST(VolumeHost, LeavesTheNameOfTheControlFilesAlone) {
  with_volume([](thread::Runtime& runtime, FileSystem& volume) {
    add(volume, kRootNode, "a", "text", 0644);
    thread::offload([&] {
      VolumeHost host(runtime, volume, "/mnt");
      EXPECT_EQ(host.create("/.spindle", 0644).code(), EBUSY);
      EXPECT_EQ(host.make_directory("/.spindle", 0755).code(), EBUSY);
      EXPECT_EQ(host.rename("/a", "/.spindle").code(), EBUSY);
      EXPECT_EQ(host.link("/a", "/.spindle").code(), EBUSY);
      EXPECT_EQ(host.make_link("a", "/.spindle").code(), EBUSY);
      EXPECT_TRUE(host.make_directory("/folder", 0755).ok());
      EXPECT_TRUE(host.make_directory("/folder/.spindle", 0755).ok());
    });
    EXPECT_EQ(volume.lookup(kRootNode, ".spindle").code(), ENOENT);
  });
}

/// A cache of the volume's content knows a file by each of its names, also by names that the
/// machine has never heard of.
TEST(VolumeHost, TellsOfAChangeUnderEachName) {
  with_volume([&](thread::Runtime& runtime, FileSystem& volume) {
    const auto folder = volume.make_directory({}, kRootNode, "folder", 0755);
    ASSERT_TRUE(folder.ok());
    add(volume, kRootNode, "a", "text", 0644);
    const auto file = volume.lookup(kRootNode, "a");
    ASSERT_TRUE(file.ok());
    std::vector<std::string> names;
    const VolumeListener listener{
        .name = [&](NodeId, const std::string& name) { names.push_back(name); }};
    std::optional<VolumeHost> host;  // it is made and goes where it may wait for the volume
    using ToldNames = std::vector<std::string>;
    const auto told_of = [&](const std::function<Result<>()>& change) {
      return thread::offload([&] {
        names.clear();
        EXPECT_TRUE(change().ok());
        std::ranges::sort(names);
        return ToldNames(names.begin(), std::ranges::unique(names).begin());
      });
    };
    const auto told = [&] {
      return told_of([&] { return host->write(file->node, 0, std::as_bytes(std::span("x"))); });
    };
    thread::offload([&] {
      host.emplace(runtime, volume, "/mnt", listener);
      EXPECT_TRUE(host->lookup("/a").ok());
    });
    EXPECT_EQ(told(), ToldNames({"a"}));
    ASSERT_TRUE(volume.link(file->node, folder->node, "b").ok());
    EXPECT_EQ(told(), ToldNames({"a", "b"}));
    ASSERT_TRUE(volume.rename({}, folder->node, "b", kRootNode, "c", 0).ok());
    EXPECT_EQ(told(), ToldNames({"a", "c"}));
    ASSERT_TRUE(volume.unlink(kRootNode, "a").ok());
    EXPECT_EQ(told(), ToldNames({"c"}));
    // Another one takes the place of one of its names: it has one link less under the others.
    ASSERT_TRUE(volume.link(file->node, folder->node, "d").ok());
    add(volume, kRootNode, "new", "text", 0644);
    EXPECT_EQ(told_of([&] { return host->rename("/new", "/c"); }), ToldNames({"c", "d", "new"}));
    EXPECT_EQ(volume.attributes(file->node)->links, 1u);
    volume.forget(file->node, 3);
    volume.forget(folder->node, 1);
    thread::offload([&] { host.reset(); });
  });
}

}  // namespace
}  // namespace spindle
