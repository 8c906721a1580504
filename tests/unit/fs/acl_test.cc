// ACLs: the kernel's form, and the rules that tie them to the mode.
#include "fs/acl.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "spindle/base/random.h"

namespace spindle {
namespace {

using Entry = Acl::Entry;

/// The bytes of any entries, valid or not.
std::string bytes_of(const std::vector<Entry>& entries, std::uint32_t version = 2) {
  const auto put = [](std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 255));
  };
  std::string out;
  put(out, version, 4);
  for (const Entry& entry : entries) {
    put(out, entry.tag, 2);
    put(out, entry.permissions, 2);
    put(out, entry.id, 4);
  }
  return out;
}

int code_of(const std::vector<Entry>& entries) {
  return Acl::parse(bytes_of(entries)).code();
}

Acl acl(const std::vector<Entry>& entries) {
  return **Acl::parse(bytes_of(entries));
}

std::uint16_t random_permissions(Random& random) {
  return static_cast<std::uint16_t>(random.below(8));
}

std::vector<Entry> random_entries(Random& random) {
  std::vector<Entry> entries{{Acl::kOwner, random_permissions(random)}};
  const std::uint64_t users = random.below(3);
  const std::uint64_t groups = random.below(3);
  for (std::uint32_t i = 0; i < users; ++i) {
    entries.push_back({Acl::kUser, random_permissions(random), 1000 + i});
  }
  entries.push_back({Acl::kOwningGroup, random_permissions(random)});
  for (std::uint32_t i = 0; i < groups; ++i) {
    entries.push_back({Acl::kGroup, random_permissions(random), 50 + i});
  }
  if (users + groups > 0 || random.one_in(2)) {
    entries.push_back({Acl::kMask, random_permissions(random)});
  }
  entries.push_back({Acl::kOther, random_permissions(random)});
  return entries;
}

std::uint32_t permissions(const Acl& of, Acl::Tag tag) {
  for (const Entry& entry : of.entries()) {
    if (entry.tag == tag) return entry.permissions;
  }
  return 8;
}

TEST(Acl, ReadsWhatItWrites) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::vector<Entry> entries = random_entries(random);
    const auto parsed = Acl::parse(bytes_of(entries));
    ASSERT_TRUE(parsed.ok() && parsed->has_value()) << i;
    EXPECT_EQ((*parsed)->bytes(), bytes_of(entries));
    EXPECT_EQ((*parsed)->is_mode_only(), entries.size() == 3);
  }
}

TEST(Acl, ReadsTheKernelsBytes) {
  // What `setfacl -m u:1000:rw` makes of a file of mode 0644.
  const std::string bytes(
      "\2\0\0\0"
      "\1\0\6\0\377\377\377\377"
      "\2\0\6\0\350\3\0\0"
      "\4\0\4\0\377\377\377\377"
      "\20\0\6\0\377\377\377\377"
      "\40\0\4\0\377\377\377\377",
      44);
  const auto parsed = Acl::parse(bytes);
  ASSERT_TRUE(parsed.ok() && parsed->has_value());
  EXPECT_EQ((*parsed)->mode_bits(), 0664u);
  EXPECT_EQ((*parsed)->entries()[1], (Entry{Acl::kUser, 6, 1000}));
  EXPECT_EQ((*parsed)->bytes(), bytes);
}

TEST(Acl, TakesNothingForNone) {
  EXPECT_FALSE(Acl::parse("")->has_value());
  EXPECT_FALSE(Acl::parse(bytes_of({}))->has_value());
}

TEST(Acl, RefusesWhatIsNotValid) {
  const Entry owner{Acl::kOwner, 6};
  const Entry user{Acl::kUser, 6, 1};
  const Entry owning_group{Acl::kOwningGroup, 4};
  const Entry group{Acl::kGroup, 4, 2};
  const Entry mask{Acl::kMask, 6};
  const Entry other{Acl::kOther, 0};
  EXPECT_EQ(code_of({owner, owning_group, other}), 0);
  EXPECT_EQ(code_of({owner, owning_group, mask, other}), 0);
  EXPECT_EQ(code_of({owner, owning_group}), EINVAL);
  EXPECT_EQ(code_of({owner, other}), EINVAL);
  EXPECT_EQ(code_of({owning_group, other}), EINVAL);
  EXPECT_EQ(code_of({owner, owner, owning_group, other}), EINVAL);
  EXPECT_EQ(code_of({owner, owning_group, other, other}), EINVAL);
  EXPECT_EQ(code_of({owner, user, owning_group, other}), EINVAL) << "no mask";
  EXPECT_EQ(code_of({owner, owning_group, group, other}), EINVAL) << "no mask";
  EXPECT_EQ(code_of({owner, owning_group, user, mask, other}), EINVAL) << "order";
  EXPECT_EQ(code_of({owner, owning_group, mask, mask, other}), EINVAL);
  EXPECT_EQ(code_of({{Acl::kOwner, 8}, owning_group, other}), EINVAL);
  EXPECT_EQ(code_of({owner, {Acl::kUser, 6}, owning_group, mask, other}), EINVAL) << "no id";
  EXPECT_EQ(code_of({owner, owning_group, other, {static_cast<Acl::Tag>(0x40), 0}}), EINVAL);
  EXPECT_EQ(Acl::parse(bytes_of({owner, owning_group, other}, 1)).code(), EOPNOTSUPP);
  EXPECT_EQ(Acl::parse("\2").code(), EINVAL);
  EXPECT_EQ(Acl::parse(bytes_of({owner, owning_group, other}) + "x").code(), EINVAL);
}

TEST(Acl, AnswersAnyBytes) {
  Random random(2);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = bytes_of(random_entries(random));
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(64));
    }
    if (random.one_in(4)) bytes.resize(random.below(bytes.size()));
    const auto parsed = Acl::parse(bytes);
    if (parsed.ok() && *parsed) {
      EXPECT_EQ((*Acl::parse((*parsed)->bytes())), *parsed);
      EXPECT_LE((*parsed)->mode_bits(), 0777u);
    }
  }
}

TEST(Acl, OfAModeSaysTheMode) {
  for (std::uint32_t mode = 0; mode <= 0777; ++mode) {
    EXPECT_EQ(Acl::of_mode(S_IFREG | mode).mode_bits(), mode);
    EXPECT_TRUE(Acl::of_mode(mode).is_mode_only());
    EXPECT_EQ(**Acl::parse(Acl::of_mode(mode).bytes()), Acl::of_mode(mode));
  }
}

TEST(Acl, ChmodChangesTheMaskIfThereIsOne) {
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    const Acl before = acl(random_entries(random));
    const auto mode = static_cast<std::uint32_t>(random.below(010000));
    const Acl after = before.after_chmod(mode);
    EXPECT_EQ(after.mode_bits(), mode & 0777);
    const bool has_mask = permissions(before, Acl::kMask) != 8;
    if (has_mask) {
      EXPECT_EQ(permissions(after, Acl::kOwningGroup), permissions(before, Acl::kOwningGroup));
    }
    for (std::size_t e = 0; e < before.entries().size(); ++e) {
      const Entry& entry = before.entries()[e];
      if (entry.tag == Acl::kUser || entry.tag == Acl::kGroup) {
        EXPECT_EQ(after.entries()[e], entry);
      }
    }
  }
}

TEST(Acl, WithoutADefaultTheUmaskCounts) {
  const InheritedAcl file = InheritedAcl::inherit({}, S_IFREG | 06666, 0027);
  EXPECT_EQ(file.mode, S_IFREG | 06640u);
  EXPECT_FALSE(file.access || file.default_acl);
}

TEST(Acl, ADefaultGoesBeforeTheUmask) {
  const std::optional<Acl> mode_only = Acl::of_mode(0775);
  const InheritedAcl file = InheritedAcl::inherit(mode_only, S_IFREG | 0666, 0077);
  EXPECT_EQ(file.mode, S_IFREG | 0664u);
  EXPECT_FALSE(file.access || file.default_acl);
  const InheritedAcl directory = InheritedAcl::inherit(mode_only, S_IFDIR | 02770, 0077);
  EXPECT_EQ(directory.mode, S_IFDIR | 02770u);
  EXPECT_FALSE(directory.access);
  EXPECT_EQ(directory.default_acl, mode_only);
  const InheritedAcl symlink = InheritedAcl::inherit(mode_only, S_IFLNK | 0777, 0077);
  EXPECT_EQ(symlink.mode, S_IFLNK | 0777u);
  EXPECT_FALSE(symlink.access || symlink.default_acl);
}

TEST(Acl, NewFilesGetNoMoreThanDefaultAndModeAllow) {
  Random random(4);
  for (int i = 0; i < 2000; ++i) {
    const std::optional<Acl> parent = acl(random_entries(random));
    const std::uint32_t type = random.one_in(2) ? S_IFDIR : S_IFREG;
    const auto asked = static_cast<std::uint32_t>(random.below(010000));
    const InheritedAcl made = InheritedAcl::inherit(parent, type | asked, 0777);
    EXPECT_EQ(made.mode, type | (asked & 07000) | (asked & parent->mode_bits()));
    EXPECT_EQ(made.default_acl.has_value(), type == S_IFDIR);
    EXPECT_EQ(made.access.has_value(), !parent->is_mode_only());
    if (made.access) {
      EXPECT_EQ(made.access->mode_bits(), made.mode & 0777);
      EXPECT_EQ(*made.access, parent->after_chmod(made.mode));
    }
  }
}

}  // namespace
}  // namespace spindle
