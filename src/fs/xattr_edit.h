// Extended attributes as the operations change them: one inode's chain inside a Change.
#pragma once

#include "names.h"
#include "xattr.h"

namespace spindle {

/// The attributes of a locked node, to be changed. `with_xattr_edit` handles the kNeedsRoom that it
/// returns.
class XattrEdit {
 public:
  XattrEdit(Volume& volume, Change& change, Node& node, std::size_t log_budget);
  Result<std::string> get(std::string_view name);
  Result<> set(std::string_view name, std::string_view value, int flags = 0);
  Result<> remove(std::string_view name);
  /// How much log the call that answered kNeedsRoom takes.
  [[nodiscard]] std::size_t needed_budget() const { return file_.log_budget; }

 private:
  void store();
  Change& change_;
  Node& node_;
  XattrFile file_;
};

/// Runs `edit` in a transaction with the node locked, again with a larger budget if it asks for it,
/// and commits. `value_size` is that of the value it will set.
Result<> with_xattr_edit(Volume& volume, const NodeRef& node, std::size_t value_size,
                         const std::function<Result<>(Change&, XattrEdit&)>& edit);

/// Removes security.capability, as after a write by somebody unprivileged.
Result<> drop_capabilities(Volume& volume, Node& node);

}  // namespace spindle
