// .spindle/sys: the simulated machine as Linux's sysfs shows a machine.
#pragma once

#include "control/machine_access.h"
#include "spindle/control/virtual_folder.h"
#include "spindle/procfs/sys_files.h"

namespace spindle::control {

class SysFolder final : public VirtualFolder {
 public:
  explicit SysFolder(MachineAccess machine) : machine_(machine) {}

  Result<Node> lookup(const Caller& caller, Id folder, std::string_view name) override;
  Result<Node> node(Id id) override;
  Result<std::vector<Item>> list(Id folder) override;
  Result<std::string> target(Id link) override;
  Result<ControlFile> open(Id file) override;

 private:
  [[nodiscard]] Result<std::vector<procfs::SysEntry>> entries() const;
  [[nodiscard]] Result<procfs::SysEntry> entry(Id id) const;

  MachineAccess machine_;
};

}  // namespace spindle::control
