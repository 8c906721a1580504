// What syncs promised, and until when: until somebody changes the file, or a name on the way to it.

#include <algorithm>

#include "cli/crash/explore.h"

namespace spindle::cli {
namespace {

using OperationKind = Operation::Kind;

/// Whether `path` is `above`, or in it.
bool is_within(const std::string& path, const std::string& above) {
  return !above.empty() && path.starts_with(above) &&
         (path.size() == above.size() || path[above.size()] == '/');
}

/// Whether it changes names or contents.
bool changes(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kSync:
    case OperationKind::kSyncDirectory:
    case OperationKind::kSyncAll:
    case OperationKind::kSetXattr:
    case OperationKind::kRemoveXattr:
      return false;
    case OperationKind::kSetAttributes:
      return (operation.flags & 2) != 0;
    default:
      return true;
  }
}

class Promises {
 public:
  explicit Promises(const RecordedRun& run) : run_(run) {}

  void take(const OperationNote& note, std::size_t position) {
    if (note.promised) return add(note, position);
    if (changes(note.operation)) end_those_of(note);
  }
  std::vector<Promise> all() {
    for (Open& open : open_) promises_.push_back(std::move(open.promise));
    open_.clear();
    return std::move(promises_);
  }

 private:
  struct Open {
    Promise promise;
    NodeId node = 0;
    std::int64_t asked_ns = 0;
  };

  void add(const OperationNote& note, std::size_t position) {
    if (note.path.empty()) return;
    // A change that was under way while the file was read may be in what was read, or not.
    for (const Change& change : recent_)
      if (change.end_ns > note.asked_ns && concerns(change.note, note.operation.node, note.path))
        return;
    const auto is_same = [&](const Open& open) {
      return open.promise.path == note.path && open.promise.content == *note.promised;
    };
    if (std::ranges::any_of(open_, is_same)) return;
    open_.push_back({{note.path, *note.promised, position, run_.events().size()},
                     note.operation.node,
                     note.asked_ns});
  }

  static bool concerns(const OperationNote& note, NodeId node, const std::string& path) {
    const Operation& operation = note.operation;
    const bool names = operation.kind == OperationKind::kRename ||
                       operation.kind == OperationKind::kUnlink ||
                       operation.kind == OperationKind::kRemoveDirectory;
    return operation.node == node || operation.other == node ||
           (names && (is_within(path, note.path) || is_within(path, note.new_path)));
  }

  /// The promise holds for what was on the medium before the change began.
  void end_those_of(const OperationNote& note) {
    const std::int64_t began_ns = note.operation.begin_ns;
    std::erase_if(open_, [&](Open& open) {
      if (!concerns(note, open.node, open.promise.path)) return false;
      open.promise.until = events_until(began_ns);
      if (open.promise.until >= open.promise.from) promises_.push_back(std::move(open.promise));
      return true;
    });
    recent_.push_back({note, note.operation.end_ns()});
    if (recent_.size() > kMostRecent) recent_.erase(recent_.begin());
  }

  [[nodiscard]] std::size_t events_until(std::int64_t time_ns) const {
    std::size_t low = 0;
    for (std::size_t high = run_.events().size(); low < high;) {
      const std::size_t middle = (low + high) / 2;
      if (run_.log().time_ns(middle) <= time_ns)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  struct Change {
    OperationNote note;
    std::int64_t end_ns = 0;
  };
  static constexpr std::size_t kMostRecent = 64;

  const RecordedRun& run_;
  std::vector<Open> open_;
  std::vector<Change> recent_;
  std::vector<Promise> promises_;
};

}  // namespace

std::vector<Promise> promises_of(const RecordedRun& run) {
  Promises promises(run);
  for (std::size_t i = 0; i < run.log().notes().size(); ++i) {
    if (const auto note = run.note(i)) promises.take(*note, run.log().notes()[i].position);
  }
  return promises.all();
}

}  // namespace spindle::cli
