// volume/defrag: moves the blocks of one file after another to where they lie better.

#include <algorithm>
#include <array>
#include <optional>

#include "control/file_kinds.h"
#include "control/folders.h"
#include "spindle/base/number_text.h"
#include "spindle/control/defrag_verbs.h"
#include "spindle/control/fact_files.h"

namespace spindle {
namespace {

using Arrangement = FileSystem::Arrangement;
constexpr std::array kVerbs = {
    DefragVerb{"plan", Arrangement::kFewestRuns, true},
    DefragVerb{"defragment", Arrangement::kFewestRuns}, DefragVerb{"unite", Arrangement::kUnited},
    DefragVerb{"pack", Arrangement::kTowardsFront}, DefragVerb{"down", Arrangement::kDown}};

}  // namespace

const DefragVerb* defrag_verb(std::string_view name) {
  const auto* const found = std::ranges::find(kVerbs, name, &DefragVerb::name);
  return found == kVerbs.end() ? nullptr : found;
}

Result<FileSystem::Rearrangement> rearrange(FileSystem& volume, const DefragVerb& verb,
                                            NodeId node) {
  return verb.is_plan ? volume.plan_rearrangement(node, verb.arrangement)
                      : volume.rearrange(node, verb.arrangement);
}

}  // namespace spindle

namespace spindle::control {
namespace {

using Rearrangement = FileSystem::Rearrangement;

/// One opening of the file: it remembers what became of the last command.
class DefragSession {
 public:
  explicit DefragSession(FileSystem& volume) : volume_(volume) {}

  Result<> run(const Caller& caller, std::string_view line) {
    if (line == "settle") return volume_.settle_space();
    const std::size_t space = std::min(line.find(' '), line.size());
    const DefragVerb* const verb = defrag_verb(line.substr(0, space));
    const std::string_view digits = line.substr(std::min(space + 1, line.size()));
    const auto node = number_in<NodeId>(digits);
    if (verb == nullptr || !node) {
      return Error{EINVAL,
                   "it is neither settle nor plan, defragment, unite, pack or down with the number "
                   "of an inode"};
    }
    const std::uint32_t owner = TRY(volume_.attributes(*node)).uid;
    if (!control::is_master(caller) && caller.uid != owner) {
      return Error{EPERM, "the file belongs to another user"};
    }
    last_ = TRY(rearrange(volume_, *verb, *node));
    node_ = *node;
    return {};
  }

  [[nodiscard]] std::string text() const {
    FactTable table({"inode", "moves", "first_block", "blocks", "runs", "gap_blocks", "seeks",
                     "runs_after", "gap_blocks_after", "seeks_after"});
    if (last_) {
      const auto& [before, after, first_block, moves] = *last_;
      table.add_row({node_, moves, first_block.value, before.blocks, before.runs, before.gap_blocks,
                     before.seeks, after.runs, after.gap_blocks, after.seeks});
    }
    return table.text();
  }

 private:
  FileSystem& volume_;
  NodeId node_ = 0;
  std::optional<Rearrangement> last_;
};

}  // namespace

void add_defrag_file(ControlTree& tree, FileSystem& volume) {
  tree.add_file("volume/defrag", [&volume] {
    const auto session = std::make_shared<DefragSession>(volume);
    ControlFile file;
    file.is_for_everyone = true;
    file.read = [session]() -> Result<std::string> { return session->text(); };
    file.command = [session](const Caller& caller, std::string_view line) {
      return session->run(caller, line);
    };
    return file;
  });
}

}  // namespace spindle::control
