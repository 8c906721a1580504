#include "control/sys_folder.h"

#include <sys/stat.h>

#include "control/paths.h"

namespace spindle::control {
namespace {

const Error kNone{ENOENT, "the machine has no such file in /sys"};

std::uint64_t id_of(std::string_view path) {
  return path_id(path, VirtualFolder::kIdBits);
}

VirtualFolder::Node node_of(const procfs::SysEntry& entry) {
  return {.id = id_of(entry.path),
          .parent = id_of(parent_path(entry.path)),
          .mode = entry.is_folder ? S_IFDIR | 0555u : S_IFREG | 0444u};
}

}  // namespace

Result<std::vector<procfs::SysEntry>> SysFolder::entries() const {
  const SystemSnapshot system = TRY(machine_.look(
      [](const Machine& machine) -> Result<SystemSnapshot> { return machine.snapshot_system(); }));
  return procfs::sys_entries({system, machine_.live().boot_seconds()});
}

Result<procfs::SysEntry> SysFolder::entry(Id id) const {
  for (procfs::SysEntry& entry : TRY(entries())) {
    if (id_of(entry.path) == id) return std::move(entry);
  }
  return kNone;
}

Result<VirtualFolder::Node> SysFolder::lookup(const Caller&, Id folder, std::string_view name) {
  for (const procfs::SysEntry& entry : TRY(entries())) {
    const std::string_view parent = parent_path(entry.path);
    if (id_of(parent) != folder) continue;
    if (std::string_view(entry.path).substr(parent.empty() ? 0 : parent.size() + 1) == name) {
      return node_of(entry);
    }
  }
  return kNone;
}

Result<VirtualFolder::Node> SysFolder::node(Id id) {
  if (id == 0) return Node{.mode = S_IFDIR | 0555u};
  return node_of(TRY(entry(id)));
}

Result<std::vector<VirtualFolder::Item>> SysFolder::list(Id folder) {
  std::vector<Item> items;
  for (const procfs::SysEntry& entry : TRY(entries())) {
    const std::string_view parent = parent_path(entry.path);
    if (id_of(parent) != folder) continue;
    const std::size_t start = parent.empty() ? 0 : parent.size() + 1;
    items.push_back({.name = entry.path.substr(start),
                     .id = id_of(entry.path),
                     .type = entry.is_folder ? std::uint32_t{S_IFDIR} : std::uint32_t{S_IFREG},
                     .position = static_cast<std::int64_t>(items.size() + 1)});
  }
  return items;
}

Result<std::string> SysFolder::target(Id) {
  return Error{EINVAL, "it is not a symbolic link"};
}

Result<ControlFile> SysFolder::open(Id file) {
  if (TRY(entry(file)).is_folder) return Error{EISDIR};
  return ControlFile{
      .read = [this, file]() -> Result<std::string> { return TRY(entry(file)).text; }};
}

}  // namespace spindle::control
