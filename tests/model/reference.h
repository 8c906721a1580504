// Reference: a file system of a few lines, with which the volume is compared.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "spindle/fs/tree.h"

namespace spindle::test {

/// A file, directory or symbolic link.
struct ReferenceNode {
  std::uint32_t mode = 0;
  std::uint32_t links = 0;
  std::vector<std::byte> bytes;  ///< the content of a file
  std::string target;            ///< the target of a symbolic link
  std::map<std::string, std::shared_ptr<ReferenceNode>> children;
  std::map<std::string, std::string> attributes;
  NodeId node = 0;  ///< the volume's number for it

  [[nodiscard]] bool is_directory() const;
  [[nodiscard]] bool is_file() const;
  [[nodiscard]] bool is_symlink() const;
};

using Reference = std::shared_ptr<ReferenceNode>;

Reference make_reference(std::uint32_t mode, NodeId node);
/// Whether `inner` is `outer` or lies somewhere in it.
bool stands_in(const Reference& outer, const Reference& inner);
/// Renames, and returns 0; or returns the errno with which a rename must fail.
int rename(const Reference& from, const std::string& name, const Reference& to,
           const std::string& new_name, std::uint32_t flags);

/// The differences between the reference and the volume; "" if there are none.
std::string difference(Tree& tree, const Reference& reference, const std::string& path);
/// After a mount: finds all of the reference's nodes by name and notes their numbers. Each gets one
/// reference of the kernel's.
void find_again(Tree& tree, const Reference& directory);

}  // namespace spindle::test
