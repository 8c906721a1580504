#include "control/process_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "control/paths.h"
#include "control/process_commands.h"
#include "control/process_top.h"
#include "control/visible_mounts.h"
#include "spindle/base/host_proc.h"
#include "spindle/base/number_text.h"
#include "spindle/device/host_mounts.h"
#include "spindle/procfs/event_text.h"

namespace spindle::control {
namespace {

using Place = ProcessFolder::Place;
using Id = VirtualFolder::Id;

constexpr std::uint32_t kMainThread = 0xFFFF;

enum Kind : std::uint32_t {
  kFolder,  // of the process or thread itself; without a process: a path of /proc's top
  kTask,
  kDescriptors,
  kDescriptorInfos,
  kNamespaces,
  kNet,
  kDescriptor,
  kDescriptorInfo,
  kNamespace,
  kNamespaceFile,
  kNetFile,
  kExecutable,
  kDirectory,
  kRoot,
  kCommands,
  kCalls,
  kFile = 32,  // and those that follow: the files of procfs::process_files()
};

constexpr std::uint32_t kForAnybody = S_IFREG | 0666;  // others than the owner are refused at write

/// What a process's folder has beside procfs::process_files().
struct OwnName {
  std::string_view name;
  Kind kind;
  std::uint32_t mode;
};
constexpr OwnName kOwnNames[] = {
    {"ctl", kCommands, kForAnybody},
    {"cwd", kDirectory, kLink},
    {"exe", kExecutable, kLink},
    {"fd", kDescriptors, kOpenFolder},
    {"fdinfo", kDescriptorInfos, kOpenFolder},
    {"net", kNet, kOpenFolder},
    {"ns", kNamespaces, kOpenFolder},
    {"root", kRoot, kLink},
    {"strace", kCalls, kReadable},
    {"task", kTask, kOpenFolder},
};

constexpr std::array<std::string_view, 10> kNamespaceNames = {
    "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children",
    "user",   "uts"};

std::string_view namespace_kind(std::size_t index) {
  const std::string_view name = kNamespaceNames[index];
  return name.substr(0, name.find('_'));
}

/// The namespace for children is the same as the process's own.
std::uint64_t namespace_inode(std::size_t index) {
  constexpr std::uint64_t kFirst = 4026531836;
  const auto own = std::ranges::find(kNamespaceNames, namespace_kind(index));
  return kFirst + static_cast<std::uint64_t>(own - kNamespaceNames.begin());
}

std::string namespace_target(std::size_t index) {
  return fmt::format("{}:[{}]", namespace_kind(index), namespace_inode(index));
}

struct NetFile {
  std::string_view name;
  std::string_view text;
};
constexpr NetFile kNetFiles[] = {
    {"dev",
     "Inter-|   Receive                                                |  Transmit\n"
     " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
     "drop fifo colls carrier compressed\n"},
    {"tcp",
     "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
     "inode\n"},
    {"udp",
     "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
     "inode ref pointer drops\n"},
    {"unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"},
};

/// A decimal number as the kernel writes it.
std::optional<std::uint32_t> kernel_number(std::string_view name) {
  if (name.size() > 1 && name.front() == '0') return std::nullopt;
  return number_in<std::uint32_t>(name);
}

/// Whether the number is one of those that the asker has in its process namespaces.
bool is_asker(const Caller& caller, std::uint32_t number) {
  if (caller.process <= 0) return false;
  if (static_cast<std::uint32_t>(caller.process) == number) return true;
  const std::string numbers =
      host_proc_field(std::to_string(caller.process) + "/status", "NStgid:");
  for (std::size_t at = 0; at < numbers.size();) {
    const auto end = std::min(numbers.find('\t', at), numbers.size());
    if (kernel_number(std::string_view(numbers).substr(at, end - at)) == number) return true;
    at = end + 1;
  }
  return false;
}

const DescriptorSnapshot* descriptor_of(const ProcessSnapshot& process, std::uint32_t number) {
  for (const DescriptorSnapshot& descriptor : process.descriptors) {
    if (static_cast<std::uint32_t>(descriptor.number) == number) return &descriptor;
  }
  return nullptr;
}

const Error kNoProcess{ENOENT, "the machine has no such process"};
const Error kNoFile{ENOENT, "the process has no such file"};

/// On a path, what has gone counts as not found.
template <class T>
Result<T> as_path(Result<T> result) {
  return result.code() == ESRCH ? Result<T>(kNoProcess) : std::move(result);
}

std::uint32_t mixed(std::uint64_t value) {
  return static_cast<std::uint32_t>(value ^ value >> 32) | 1;
}

/// The device of the file system that is mounted there, on top of others, as maps writes it: major
/// and minor number, hexadecimal.
std::optional<std::string> device_at(std::string_view mount_point) {
  std::optional<std::string> device;
  for (const HostMount& mount : host_mounts()) {
    if (mount.directory != mount_point) continue;
    const std::size_t colon = mount.device.find(':');
    const auto major = number_in<unsigned>(std::string_view(mount.device).substr(0, colon));
    const auto minor = number_in<unsigned>(std::string_view(mount.device).substr(colon + 1));
    if (major && minor) device = fmt::format("{:02x}:{:02x}", *major, *minor);
  }
  return device;
}

bool exists(const procfs::ProcessFile& file, const ProcessSnapshot& process) {
  return file.exists == nullptr || file.exists(process);
}

/// An alias stands for the asking process, which no verb reaches.
bool has(const OwnName& own, const Place& place) {
  if (own.kind == kCommands || own.kind == kCalls) return !place.is_alias;
  return own.kind != kTask || place.thread == 0;
}

std::uint32_t mode_of(std::uint32_t kind) {
  if (kind == kFolder) return kOpenFolder;
  if (kind == kDescriptor || kind == kNamespace) return kLink;
  for (const OwnName& own : kOwnNames) {
    if (own.kind == kind) return own.mode;
  }
  return kReadable;
}

/// The kind of the folder in which a file of this kind stands.
std::uint32_t folder_kind_of(std::uint32_t kind) {
  switch (kind) {
    case kDescriptor:
      return kDescriptors;
    case kDescriptorInfo:
      return kDescriptorInfos;
    case kNamespace:
    case kNamespaceFile:
      return kNamespaces;
    case kNetFile:
      return kNet;
    default:
      return kFolder;
  }
}

/// The folder of a place that is of a process or thread.
Place parent_of(const Place& place) {
  if (place.kind != kFolder) return place.with(folder_kind_of(place.kind));
  if (place.thread == 0) return {};
  Place tasks = place.with(kTask);
  tasks.thread = 0;
  return tasks;
}

constexpr std::uint32_t kAliasBit = 0x80, kKindBits = 0x7F;
constexpr int kProcessShift = 36, kThreadShift = 20, kKindShift = 12;
constexpr std::uint32_t kMostNumber = 0xFFF;

}  // namespace

Id ProcessFolder::Place::id() const {
  const Id shown_kind = kind | (is_alias ? kAliasBit : 0);
  return Id{process} << kProcessShift | Id{thread} << kThreadShift | shown_kind << kKindShift |
         number;
}

Place ProcessFolder::Place::of(Id id) {
  return {.process = static_cast<std::uint32_t>(id >> kProcessShift & 0x3FFFFF),
          .thread = static_cast<std::uint32_t>(id >> kThreadShift & 0xFFFF),
          .kind = static_cast<std::uint32_t>(id >> kKindShift & kKindBits),
          .number = static_cast<std::uint32_t>(id & kMostNumber),
          .is_alias = (id >> kKindShift & kAliasBit) != 0};
}

Result<ProcessFolder::Found> ProcessFolder::find(const Place& place, WithAreas areas) const {
  const auto process = static_cast<ProcessNumber>(place.is_alias ? 1 : place.process);
  Found found = TRY(machine_.look([&](const Machine& machine) -> Result<Found> {
    Found seen;
    auto snapshot = machine.snapshot_process(process, areas);
    if (!snapshot.ok()) return snapshot.error();
    seen.process = std::move(snapshot).take();
    seen.cpus = machine.configuration().cpus;
    return seen;
  }));
  found.shown = static_cast<ProcessNumber>(place.process);
  found.thread = procfs::main_thread(found.process);
  if (place.thread == 0 || place.thread == kMainThread) return found;
  found.shown = static_cast<ProcessNumber>(place.thread);
  if (found.thread.id == found.shown) return found;
  for (ThreadSnapshot& thread : found.process.threads) {
    if (thread.id != found.shown) continue;
    found.thread = std::move(thread);
    return found;
  }
  return Error{ESRCH, "the thread is gone"};
}

Result<ProcessFolder::Found> ProcessFolder::find_again(const Place& place, VirtualTime started,
                                                       WithAreas areas) const {
  Found found = TRY(find(place, areas));
  if (found.process.started != started) return Error{ESRCH, "the process is gone"};
  return found;
}

Result<VirtualFolder::Node> ProcessFolder::node_of(const Place& place, const Found& found) const {
  const std::uint32_t mode = mode_of(place.kind);
  std::uint64_t generation = static_cast<std::uint64_t>(found.process.started.ns);
  // The kernel keeps what a link says for as long as the node is the same.
  if (mode == kLink) {
    const std::string target = TRY(target_of(place, found));
    generation ^= path_id(target, 64);
  }
  return Node{.id = place.id(),
              .parent = parent_of(place).id(),
              .mode = mode,
              .uid = found.process.uid,
              .gid = found.process.gid,
              .generation = mixed(generation),
              .inode = place.kind == kNamespaceFile ? namespace_inode(place.number) : 0};
}

Result<VirtualFolder::Node> ProcessFolder::lookup_process(const Caller& caller,
                                                          std::string_view name) const {
  const auto number = kernel_number(name);
  if (!number || *number == 0) return kNoFile;
  Place place{*number, 0, kFolder, 0};
  auto found = find(place);
  // A thread is found by its number, too, though no list shows it there.
  if (found.code() == ESRCH) {
    const auto process = TRY(machine_.look([&](const Machine& machine) -> Result<ProcessNumber> {
      return machine.process_of(static_cast<ProcessNumber>(*number));
    }));
    if (process != 0) {
      place = {static_cast<std::uint32_t>(process), *number, kFolder, 0};
      found = find(place);
    }
  }
  if (found.code() == ESRCH && is_asker(caller, *number)) {
    place.is_alias = true;
    found = find(place);
  }
  return node_of(place, TRY(as_path(std::move(found))));
}

Result<VirtualFolder::Node> ProcessFolder::lookup(const Caller& caller, Id folder,
                                                  std::string_view name) {
  const Place place = Place::of(folder);
  if (place.process == 0) {
    std::string_view above;
    if (place.number != 0) above = top_entries()[place.number - 1].path;
    const std::uint32_t number = top_number(joined_path(above, name));
    if (number != 0) return node(Place{0, 0, 0, number}.id());
    return place.number == 0 ? lookup_process(caller, name) : Result<Node>(kNoFile);
  }
  // The node is made of the snapshot that the list was made of: ps looks up thousands.
  const Found found = TRY(as_path(find(place)));
  for (const Item& item : TRY(items_of(place, found.process))) {
    if (item.name == name) return node_of(Place::of(item.id), found);
  }
  // The file that a namespace's link names; no list shows it.
  for (std::uint32_t i = 0; i < kNamespaceNames.size(); ++i) {
    if (place.kind != kNamespaces || namespace_target(i) != name) continue;
    return node_of(place.with(kNamespaceFile, i), found);
  }
  return kNoFile;
}

Result<VirtualFolder::Node> ProcessFolder::node(Id id) {
  const Place place = Place::of(id);
  if (place.process != 0) return node_of(place, TRY(as_path(find(place))));
  if (place.number == 0) return Node{.mode = kOpenFolder};
  if (place.number > top_entries().size()) return kNoFile;
  const TopEntry& entry = top_entries()[place.number - 1];
  const Place parent{0, 0, 0, top_number(parent_path(entry.path))};
  return Node{.id = id, .parent = parent.id(), .mode = entry.mode};
}

Result<std::vector<VirtualFolder::Item>> ProcessFolder::list_top() const {
  constexpr std::int64_t kFirstProcess = 1000;  // of positions, after those of other names
  std::vector<Item> items;
  const auto& top = top_entries();
  for (std::uint32_t i = 0; i < top.size(); ++i) {
    if (top[i].path.find('/') != std::string::npos) continue;
    items.push_back({top[i].path, Place{0, 0, 0, i + 1}.id(), top[i].mode & S_IFMT, i + 1});
  }
  const auto processes =
      TRY(machine_.look([](const Machine& machine) -> Result<std::vector<ProcessNumber>> {
        return machine.processes();
      }));
  for (const ProcessNumber process : processes) {
    items.push_back({std::to_string(process),
                     Place{static_cast<std::uint32_t>(process), 0, kFolder, 0}.id(), S_IFDIR,
                     kFirstProcess + process});
  }
  return items;
}

std::vector<VirtualFolder::Item> ProcessFolder::list_path(const Place& place) {
  std::vector<Item> items;
  const auto& top = top_entries();
  for (std::uint32_t i = 0; i < top.size(); ++i) {
    if (top_number(parent_path(top[i].path)) != place.number) continue;
    items.push_back({.name = top[i].path.substr(top[i].path.rfind('/') + 1),
                     .id = Place{0, 0, 0, i + 1}.id(),
                     .type = top[i].mode & S_IFMT,
                     .position = i + 1});
  }
  return items;
}

std::vector<VirtualFolder::Item> ProcessFolder::list_process(const Place& place,
                                                             const ProcessSnapshot& process) {
  std::vector<Item> items;
  const auto add = [&](std::string_view name, std::uint32_t kind, std::uint32_t mode) {
    items.push_back({std::string(name), place.with(kind).id(), mode & S_IFMT, kind});
  };
  const bool has_program = !process.executable.empty() && process.state != 'Z';
  for (const OwnName& own : kOwnNames) {
    if (!has(own, place) || (own.kind == kExecutable && !has_program)) continue;
    add(own.name, own.kind, own.mode);
  }
  const auto files = procfs::process_files();
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    if (exists(files[i], process)) add(files[i].name, kFile + i, kReadable);
  }
  return items;
}

std::vector<VirtualFolder::Item> ProcessFolder::list_threads(const Place& place,
                                                             const ProcessSnapshot& process) {
  std::vector<Item> items;
  const auto add = [&](std::uint32_t name, std::uint32_t thread) {
    Place item = place.with(kFolder);
    item.thread = thread;
    items.push_back({std::to_string(name), item.id(), S_IFDIR, name});
  };
  if (place.is_alias) {
    add(place.process, kMainThread);
  } else if (process.threads.empty()) {
    add(place.process, place.process);
  } else {
    for (const ThreadSnapshot& thread : process.threads) {
      const auto number = static_cast<std::uint32_t>(thread.id);
      add(number, number);
    }
  }
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.position < b.position; });
  return items;
}

// Those of fd, fdinfo, ns and net: numbers of one kind.
std::vector<VirtualFolder::Item> ProcessFolder::list_numbers(const Place& place,
                                                             const ProcessSnapshot& process) {
  std::vector<Item> items;
  const auto add = [&](std::string_view name, std::uint32_t kind, std::size_t number) {
    const Place item = place.with(kind, static_cast<std::uint32_t>(number));
    items.push_back({std::string(name), item.id(), mode_of(kind) & S_IFMT,
                     static_cast<std::int64_t>(number) + 1});
  };
  if (place.kind == kNamespaces) {
    for (std::size_t i = 0; i < kNamespaceNames.size(); ++i) add(kNamespaceNames[i], kNamespace, i);
  } else if (place.kind == kNet) {
    for (std::size_t i = 0; i < std::size(kNetFiles); ++i) add(kNetFiles[i].name, kNetFile, i);
  } else {
    const std::uint32_t kind = place.kind == kDescriptors ? kDescriptor : kDescriptorInfo;
    for (const DescriptorSnapshot& descriptor : process.descriptors) {
      const auto number = static_cast<std::uint32_t>(descriptor.number);
      if (number <= kMostNumber) add(std::to_string(number), kind, number);
    }
  }
  return items;
}

Result<std::vector<VirtualFolder::Item>> ProcessFolder::items_of(const Place& place,
                                                                 const ProcessSnapshot& process) {
  switch (place.kind) {
    case kFolder:
      return list_process(place, process);
    case kTask:
      return list_threads(place, process);
    case kDescriptors:
    case kDescriptorInfos:
    case kNamespaces:
    case kNet:
      return list_numbers(place, process);
    default:
      return Error{ENOTDIR};
  }
}

Result<std::vector<VirtualFolder::Item>> ProcessFolder::list(Id folder) {
  const Place place = Place::of(folder);
  if (folder == 0) return list_top();
  if (place.process == 0) return list_path(place);
  const Found found = TRY(as_path(find(place)));
  return items_of(place, found.process);
}

Result<std::string> ProcessFolder::target_of(const Place& place, const Found& found) const {
  switch (place.kind) {
    case kExecutable:
      return found.process.executable;
    case kDirectory:
      return found.process.directory.empty() ? mount_point_ : found.process.directory;
    case kRoot:
      return mount_point_;
    case kNamespace:
      return namespace_target(place.number);
    case kDescriptor: {
      const auto* descriptor = descriptor_of(found.process, place.number);
      if (descriptor == nullptr) return kNoFile;
      return descriptor->target;
    }
    default:
      return Error{EINVAL, "it is not a symbolic link"};
  }
}

Result<std::string> ProcessFolder::target(Id link) {
  const Place place = Place::of(link);
  if (place.process != 0) return target_of(place, TRY(as_path(find(place))));
  if (place.number == 0 || place.number > top_entries().size()) return kNoFile;
  const TopEntry& entry = top_entries()[place.number - 1];
  if (entry.mode != kLink) return Error{EINVAL, "it is not a symbolic link"};
  return entry.target;
}

std::string_view ProcessFolder::device() const {
  if (device_.empty()) device_ = device_at(mount_point_).value_or("");
  return device_.empty() ? procfs::kUsualDevice : device_;
}

Result<std::string> ProcessFolder::file_text(const procfs::ProcessFile& file, const Place& place,
                                             VirtualTime started) const {
  const Found found =
      TRY(find_again(place, started, file.needs_areas ? WithAreas::kYes : WithAreas::kNo));
  procfs::ProcessView view{.process = found.process,
                           .thread = found.thread,
                           .is_thread = place.thread != 0,
                           .shown_id = found.shown,
                           .cpus = found.cpus};
  if (file.needs_areas) view.device = device();
  std::string mounts, mount_info;
  if (file.needs_mounts) {
    mounts = visible_mounts(TRY(read_host_proc("self/mounts")), kPointInMounts);
    mount_info = visible_mounts(TRY(read_host_proc("self/mountinfo")), kPointInMountInfo);
    view.mounts = mounts;
    view.mount_info = mount_info;
  }
  return file.text(view);
}

Result<std::string> ProcessFolder::text_of(const Place& place, VirtualTime started) const {
  if (place.kind == kNetFile) return std::string(kNetFiles[place.number].text);
  if (place.kind == kNamespaceFile) return std::string();
  if (place.kind >= kFile) {
    return file_text(procfs::process_files()[place.kind - kFile], place, started);
  }
  const Found found = TRY(find_again(place, started));
  if (place.kind == kDescriptorInfo) {
    const auto* descriptor = descriptor_of(found.process, place.number);
    if (descriptor == nullptr) return kNoFile;
    return procfs::descriptor_text(*descriptor);
  }
  return machine_.with([&](Machine& machine) -> Result<std::string> {
    return procfs::strace_text(machine.events(), found.process.id);
  });
}

Result<ControlFile> ProcessFolder::open_top(std::uint32_t number) {
  if (number == 0 || number > top_entries().size()) return kNoFile;
  const procfs::SystemFile* file = top_entries()[number - 1].file;
  if (file == nullptr) return Error{EISDIR};
  return ControlFile{.read = [this, file]() -> Result<std::string> {
    const SystemSnapshot system =
        TRY(machine_.look([](const Machine& machine) -> Result<SystemSnapshot> {
          return machine.snapshot_system();
        }));
    return file->text({system, machine_.live().boot_seconds()});
  }};
}

ControlFile ProcessFolder::command_file(const Place& place, VirtualTime started) const {
  const auto process = place.thread != 0 ? place.thread : place.process;
  return {.read = [this, place, started]() -> Result<std::string> {
            const Found found = TRY(find_again(place, started));
            return settings_text(found.process, found.thread, found.cpus);
          },
          .command = [this, place, started, process](const Caller& caller,
                                                     std::string_view line) -> Result<> {
            const Found found = TRY(find_again(place, started));
            return machine_.with([&](Machine& machine) {
              return apply_command(machine, static_cast<ProcessNumber>(process), line, caller.uid);
            });
          }};
}

Result<ControlFile> ProcessFolder::open(Id file) {
  const Place place = Place::of(file);
  if (place.process == 0) return open_top(place.number);
  const Found found = TRY(as_path(find(place)));
  const VirtualTime started = found.process.started;
  ControlFile opened;
  if (place.kind == kCommands) {
    opened = command_file(place, started);
  } else {
    opened.read = [this, place, started] { return text_of(place, started); };
  }
  opened.path = fmt::format("proc/{}/ctl", place.process);
  return opened;
}

}  // namespace spindle::control
