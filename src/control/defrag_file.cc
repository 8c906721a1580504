// volume/defrag: moves the blocks of one file after the other to where they lie better.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "control/folders.h"
#include "spindle/control/fact_files.h"

namespace spindle::control {
namespace {

using Arrangement = FileSystem::Arrangement;
using Rearrangement = FileSystem::Rearrangement;

/// What can be asked for: to say or to do, and how the file shall lie.
struct Verb {
  std::string_view name;
  Arrangement arrangement;
  bool is_plan;
};
constexpr std::array kVerbs = {
    Verb{"plan", Arrangement::kFewestRuns, true},
    Verb{"defragment", Arrangement::kFewestRuns, false}, Verb{"unite", Arrangement::kUnited, false},
    Verb{"pack", Arrangement::kTowardsFront, false}, Verb{"down", Arrangement::kDown, false}};

/// One opening of the file: it remembers what became of the last command.
class DefragSession {
 public:
  explicit DefragSession(FileSystem& volume) : volume_(volume) {}

  Result<> run(const Caller& caller, std::string_view line) {
    if (line == "settle") return volume_.settle_space();
    const std::size_t space = std::min(line.find(' '), line.size());
    const auto verb = std::ranges::find(kVerbs, line.substr(0, space), &Verb::name);
    const std::string_view digits = line.substr(std::min(space + 1, line.size()));
    NodeId node = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), node);
    if (verb == kVerbs.end() || error != std::errc() || end != digits.data() + digits.size()) {
      return Error{EINVAL,
                   "it is neither settle nor plan, defragment, unite, pack or down with the number "
                   "of an inode"};
    }
    const std::uint32_t owner = TRY(volume_.attributes(node))
    .uid;
    if (caller.uid != 0 && caller.uid != ::geteuid() && caller.uid != owner) {
      return Error{EPERM, "the file is somebody else's"};
    }
    last_ = TRY(verb->is_plan ? volume_.plan_rearrangement(node, verb->arrangement)
                              : volume_.rearrange(node, verb->arrangement));
    node_ = node;
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
