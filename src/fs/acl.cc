#include "fs/acl.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "spindle/base/endian.h"

namespace spindle {

namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kNoId = 0xFFFF'FFFFu;

struct AttributeHeader {
  le32 version;
};
struct AttributeEntry {
  le16 tag;
  le16 permissions;
  le32 id;
};
static_assert(sizeof(AttributeHeader) == 4 && sizeof(AttributeEntry) == 8);

bool is_named(Acl::Tag tag) {
  return tag == Acl::kUser || tag == Acl::kGroup;
}

/// Whether the entries come as they must: owner, users, owning group, groups, mask, other.
bool is_valid(std::span<const Acl::Entry> entries) {
  unsigned owners = 0;
  unsigned owning_groups = 0;
  unsigned masks = 0;
  unsigned others = 0;
  unsigned named = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Acl::Entry& entry = entries[i];
    if (i > 0 && entry.tag < entries[i - 1].tag) return false;  // the tags' values are in order
    if (entry.permissions > 7 || (is_named(entry.tag) && entry.id == kNoId)) return false;
    owners += entry.tag == Acl::kOwner;
    owning_groups += entry.tag == Acl::kOwningGroup;
    masks += entry.tag == Acl::kMask;
    others += entry.tag == Acl::kOther;
    named += is_named(entry.tag);
  }
  return owners == 1 && owning_groups == 1 && others == 1 && masks <= 1 &&
         (named == 0 || masks == 1);
}

bool is_tag(std::uint16_t tag) {
  return tag == Acl::kOwner || tag == Acl::kUser || tag == Acl::kOwningGroup ||
         tag == Acl::kGroup || tag == Acl::kMask || tag == Acl::kOther;
}

}  // namespace

Result<std::optional<Acl>> Acl::parse(std::string_view bytes) {
  if (bytes.empty()) return std::optional<Acl>{};
  AttributeHeader header;
  if (bytes.size() < sizeof header) return Error{EINVAL, "an ACL is shorter than its header"};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kVersion) return Error{EOPNOTSUPP, "an ACL has an unknown version"};
  bytes.remove_prefix(sizeof header);
  if (bytes.empty()) return std::optional<Acl>{};
  if (bytes.size() % sizeof(AttributeEntry) != 0 ||
      bytes.size() / sizeof(AttributeEntry) > kMaxEntries) {
    return Error{EINVAL, "an ACL has a wrong length"};
  }
  Acl acl;
  for (; !bytes.empty(); bytes.remove_prefix(sizeof(AttributeEntry))) {
    AttributeEntry entry;
    std::memcpy(&entry, bytes.data(), sizeof entry);
    if (!is_tag(entry.tag)) return Error{EINVAL, "an ACL has an entry of an unknown kind"};
    const auto tag = static_cast<Tag>(std::uint16_t{entry.tag});
    acl.entries_.push_back(
        {tag, entry.permissions, is_named(tag) ? std::uint32_t{entry.id} : kNoId});
  }
  if (!is_valid(acl.entries_))
    return Error{EINVAL, "an ACL lacks entries or has them out of order"};
  return std::optional(std::move(acl));
}

Acl Acl::of_mode(std::uint32_t mode) {
  const auto three_bits = [mode](unsigned shift) {
    return static_cast<std::uint16_t>(mode >> shift & 7);
  };
  Acl acl;
  acl.entries_ = {{kOwner, three_bits(6)}, {kOwningGroup, three_bits(3)}, {kOther, three_bits(0)}};
  return acl;
}

std::string Acl::bytes() const {
  const AttributeHeader header{kVersion};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  for (const Entry& entry : entries_) {
    AttributeEntry stored;
    stored.tag = entry.tag;
    stored.permissions = entry.permissions;
    stored.id = entry.id;
    bytes.append(reinterpret_cast<const char*>(&stored), sizeof stored);
  }
  return bytes;
}

const Acl::Entry* Acl::find(Tag tag) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [tag](const Entry& entry) { return entry.tag == tag; });
  return found == entries_.end() ? nullptr : &*found;
}

// The entries that the mode's nine bits stand for.
std::array<const Acl::Entry*, 3> Acl::classes() const {
  const Entry* mask = find(kMask);
  return {find(kOwner), mask != nullptr ? mask : find(kOwningGroup), find(kOther)};
}

std::uint32_t Acl::mode_bits() const {
  std::uint32_t bits = 0;
  for (const Entry* entry : classes()) bits = bits << 3 | entry->permissions;
  return bits;
}

Acl Acl::after_chmod(std::uint32_t mode) const {
  Acl acl = *this;
  unsigned shift = 6;
  for (const Entry* entry : classes()) {
    acl.entries_[static_cast<std::size_t>(entry - entries_.data())].permissions =
        static_cast<std::uint16_t>(mode >> shift & 7);
    shift -= 3;
  }
  return acl;
}

InheritedAcl InheritedAcl::inherit(const std::optional<Acl>& parent_default, std::uint32_t mode,
                                   std::uint32_t umask) {
  if (S_ISLNK(mode)) return {mode, {}, {}};
  if (!parent_default) return {mode & ~(umask & 0777), {}, {}};
  const Acl access = parent_default->after_chmod(parent_default->mode_bits() & mode);
  InheritedAcl inherited{(mode & ~0777u) | access.mode_bits(), {}, {}};
  if (!access.is_mode_only()) inherited.access = access;
  if (S_ISDIR(mode)) inherited.default_acl = parent_default;
  return inherited;
}

}  // namespace spindle
