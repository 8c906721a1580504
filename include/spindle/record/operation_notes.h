// OperationNotes: writes into a recording of block writes what programs asked for, and what they
// were promised.
//
//   OperationNotes notes(volume, *writer);
//   recording_tree.add(notes);
//
// Each operation that changes the volume, and each sync, becomes a note when it has ended. Before
// an fsync the file (or the names of the directory) is read, so that the note of a sync that
// succeeded holds what it promised: that this content, at least, survives from now on. If somebody
// else changes or syncs the file at the same time, what was promised is not clear: no promise.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "spindle/device/write_log_file.h"
#include "spindle/record/recording_tree.h"

namespace spindle {

/// What tells contents apart: of a file its size and the bytes up to kMostDigested, of a directory
/// how many names it has and which, of a link its target.
struct ContentDigest {
  static constexpr std::uint64_t kMostDigested = 1u << 30;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
  auto operator<=>(const ContentDigest&) const = default;
};
Result<ContentDigest> content_digest(Tree& tree, NodeId node);

struct OperationNote {
  Operation operation;        ///< times since the recording began
  std::string path = {};      ///< of what it is about, from the root on: "/a/b"; "" if not known
  std::string new_path = {};  ///< of a rename or link
  std::optional<ContentDigest> promised = {};
  std::int64_t asked_ns = 0;  ///< when what is promised was read
};
std::string note_text(const OperationNote& note);
/// EINVAL if the text is not a note.
Result<OperationNote> parse_note(std::string_view text);

class OperationNotes final : public OperationListener {
 public:
  /// Both must outlive it.
  OperationNotes(Tree& volume, WriteLogWriter& log) : volume_(volume), log_(log) {}

  void syncing(NodeId node) override;
  void linking(NodeId node) override { linked_[node] = volume_.path(node); }
  void done(const Operation& operation, std::span<const std::byte> data) override;

 private:
  struct Sync {
    std::size_t under_way = 0;
    std::optional<ContentDigest> content;
    std::int64_t asked_ns = 0;
  };
  void add_paths(OperationNote& note);
  void take_promise(OperationNote& note);

  Tree& volume_;
  WriteLogWriter& log_;
  std::unordered_map<NodeId, Sync> syncs_;
  std::unordered_map<NodeId, std::string> linked_;  ///< paths from before the link
};

}  // namespace spindle
