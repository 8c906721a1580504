#include "spindle/record/operation_notes.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "spindle/base/checksum.h"
#include "spindle/base/clock.h"

namespace spindle {
namespace {

using Kind = Operation::Kind;

constexpr std::size_t kPiece = 256 * 1024;

bool is_noted(Kind kind) {
  switch (kind) {
    case Kind::kSetAttributes:
    case Kind::kCreate:
    case Kind::kMakeNode:
    case Kind::kMakeDirectory:
    case Kind::kSymlink:
    case Kind::kLink:
    case Kind::kTemporaryFile:
    case Kind::kUnlink:
    case Kind::kRemoveDirectory:
    case Kind::kRename:
    case Kind::kWrite:
    case Kind::kSync:
    case Kind::kSyncDirectory:
    case Kind::kSyncAll:
    case Kind::kAllocate:
    case Kind::kCopyRange:
    case Kind::kSetXattr:
    case Kind::kRemoveXattr:
      return true;
    default:
      return false;
  }
}

Result<ContentDigest> file_digest(Tree& tree, const Attributes& file) {
  ContentDigest digest{file.size, 0};
  const std::uint64_t end = std::min(file.size, ContentDigest::kMostDigested);
  std::vector<std::byte> bytes;
  for (std::uint64_t at = 0; at < end; at += bytes.size()) {
    bytes.clear();
    const std::size_t size = std::min<std::uint64_t>(kPiece, end - at);
    TRY(tree.read(file.node, 0, at, size, [&](auto pieces) {
      for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
    }));
    if (bytes.empty()) break;
    digest.checksum = checksum(bytes, digest.checksum);
  }
  return digest;
}

/// A digest in which the order of names does not matter.
Result<ContentDigest> directory_digest(Tree& tree, NodeId directory) {
  ContentDigest digest;
  TRY(tree.read_directory(directory, 0, [&](const DirectoryItem& item) {
    if (item.name == "." || item.name == "..") return true;
    ++digest.size;
    digest.checksum += checksum(item.name, item.type);
    return true;
  }));
  return digest;
}

std::string joined(const std::string& folder, std::string_view name) {
  return (folder == "/" ? "" : folder) + "/" + std::string(name);
}

}  // namespace

Result<ContentDigest> content_digest(Tree& tree, NodeId node) {
  const Attributes found = TRY(tree.attributes(node));
  if (S_ISDIR(found.mode)) return directory_digest(tree, node);
  if (S_ISREG(found.mode)) return file_digest(tree, found);
  if (!S_ISLNK(found.mode)) return ContentDigest{};
  const std::string target = TRY(tree.read_link(node));
  return ContentDigest{target.size(), checksum(target, 0)};
}

std::string note_text(const OperationNote& note) {
  const ContentDigest promised = note.promised.value_or(ContentDigest{});
  std::string text = note.promised ? "1" : "0";
  for (const std::uint64_t number :
       {promised.size, promised.checksum, static_cast<std::uint64_t>(note.asked_ns)})
    text += " " + std::to_string(number);
  for (const std::string* path : {&note.path, &note.new_path}) text += " " + escaped_text(*path);
  return text + " " + operation_line(note.operation);
}

Result<OperationNote> parse_note(std::string_view text) {
  const std::uint64_t has_promise = TRY(number_field(take_field(text)));
  const std::uint64_t size = TRY(number_field(take_field(text)));
  const std::uint64_t checksum = TRY(number_field(take_field(text)));
  const std::uint64_t asked_ns = TRY(number_field(take_field(text)));
  OperationNote note;
  note.asked_ns = static_cast<std::int64_t>(asked_ns);
  if (has_promise == 1) note.promised = ContentDigest{size, checksum};
  note.path = TRY(unescaped_text(take_field(text)));
  note.new_path = TRY(unescaped_text(take_field(text)));
  note.operation = TRY(parse_operation(text));
  return note;
}

void OperationNotes::syncing(NodeId node) {
  Sync& sync = syncs_[node];
  ++sync.under_way;
  sync.content.reset();
  if (sync.under_way > 1) return;
  const std::int64_t asked_ns = monotonic_ns();
  const auto digest = content_digest(volume_, node);
  // Reading the content has waited: by now the table may have grown, and another sync may have
  // begun.
  Sync& own = syncs_[node];
  own.asked_ns = asked_ns;
  if (digest.ok() && own.under_way == 1) own.content = *digest;
}

void OperationNotes::done(const Operation& operation, std::span<const std::byte>) {
  if (!is_noted(operation.kind)) return;
  OperationNote note{.operation = operation};
  note.operation.begin_ns -= log_.began_ns();
  note.operation.data.clear();
  add_paths(note);
  if (operation.kind == Kind::kSync || operation.kind == Kind::kSyncDirectory) take_promise(note);
  log_.note(note_text(note));
}

void OperationNotes::add_paths(OperationNote& note) {
  const Operation& operation = note.operation;
  const std::string path = volume_.path(operation.node);
  switch (operation.kind) {
    case Kind::kCreate:
    case Kind::kMakeNode:
    case Kind::kMakeDirectory:
    case Kind::kSymlink:
    case Kind::kUnlink:
    case Kind::kRemoveDirectory:
      note.path = joined(path, operation.name);
      break;
    case Kind::kLink:
      // By now the volume knows the file by its new name.
      note.path = path;
      if (auto before = linked_.extract(operation.node)) note.path = std::move(before.mapped());
      note.new_path = joined(volume_.path(operation.other), operation.name);
      break;
    case Kind::kRename:
      note.path = joined(path, operation.name);
      note.new_path = joined(volume_.path(operation.other), operation.new_name);
      break;
    case Kind::kCopyRange:
      note.path = volume_.path(operation.other);
      break;
    default:
      note.path = path;
  }
}

void OperationNotes::take_promise(OperationNote& note) {
  const auto found = syncs_.find(note.operation.node);
  if (found == syncs_.end()) return;
  Sync& sync = found->second;
  if (sync.under_way == 1 && note.operation.error == 0) {
    note.promised = sync.content;
    note.asked_ns = sync.asked_ns - log_.began_ns();
  }
  if (--sync.under_way == 0) syncs_.erase(found);
}

}  // namespace spindle
