// `spindle inspect`: what is on the disk, decoded.

#include <fmt/format.h>

#include <cerrno>
#include <memory>

#include "cli/commands.h"
#include "cli/inspect/subjects.h"
#include "cli/words.h"
#include "spindle/base/number_text.h"
#include "spindle/command_line/command_line.h"
#include "spindle/device/host_mounts.h"

namespace spindle::cli {
namespace {

struct InspectRequest {
  std::string image;
  std::vector<std::string> words;
  bool json = false;
};

using Describe = std::function<Result<>(InspectedVolume&)>;

constexpr char kSubjects[] =
    "superblock, inode N, PATH, block N, map PATH, directory PATH, journal, free or groups";

struct WholeSubject {
  std::string_view word;
  Result<> (*describe)(InspectedVolume&);
};
constexpr WholeSubject kWhole[] = {{"superblock", describe_superblock},
                                   {"journal", describe_journal},
                                   {"free", describe_free_space},
                                   {"groups", describe_groups}};

Describe of_path(const std::string& path, Result<> (*describe)(InspectedVolume&, InodeNo)) {
  return [path, describe](InspectedVolume& volume) -> Result<> {
    return describe(volume, TRY(volume.resolve(path)));
  };
}

/// What describes the subject that the words name; nothing, with the reason, if they name none.
Describe find_subject(const std::vector<std::string>& words, std::string& reason) {
  if (words.empty()) return describe_summary;
  const std::string& word = words.front();
  if (words.size() == 1) {
    for (const auto& [name, describe] : kWhole) {
      if (word == name) return describe;
    }
    if (word.starts_with('/')) return of_path(word, describe_inode);
  }
  const bool takes_path = word == "map" || word == "directory";
  const bool takes_number = word == "inode" || word == "block";
  if (words.size() == 2 && takes_path) {
    if (words[1].starts_with('/')) {
      return of_path(words[1], word == "map" ? describe_map : describe_directory);
    }
    reason = fmt::format("the PATH of {} begins with '/', not as '{}'", word, words[1]);
    return {};
  }
  if (words.size() == 2 && takes_number) {
    const auto value = number_in<std::uint64_t>(words[1]);
    if (!value) {
      reason = fmt::format("'{}' is not the number of a{} {}", words[1], word == "inode" ? "n" : "",
                           word);
    } else if (word == "inode") {
      return [inode = InodeNo{*value}](InspectedVolume& volume) {
        return describe_inode(volume, inode);
      };
    } else {
      return [block = BlockNo{*value}](InspectedVolume& volume) {
        return describe_block(volume, block);
      };
    }
    return {};
  }
  reason = fmt::format("'{}' is not a subject; write {}", fmt::join(words, " "), kSubjects);
  return {};
}

/// sync(2) does not: it asks a FUSE mount for no commit.
std::string how_it_comes(const std::string& image) {
  return fmt::format(
      "; {}: what is new comes to the disk by `echo 1 > .spindle/volume/sync` in the mount",
      who_uses(image, "it is mounted"));
}

int run(const InspectRequest& request) {
  std::string reason;
  const Describe describe = find_subject(request.words, reason);
  if (!describe) return fail("inspect", reason);
  Answer answer;
  auto volume = InspectedVolume::open(request.image, answer);
  if (!volume.ok())
    return fail("inspect", fmt::format("{}: {}", request.image, volume.error().describe()));
  const auto described = describe(**volume);
  if (!described.ok()) {
    // An error about an inode or block names it already.
    const bool names_path = !request.words.empty() && request.words.back().starts_with('/');
    const std::string path = names_path ? request.words.back() + ": " : "";
    // What is new on a mounted volume is only in the memory of its daemon for a while.
    const bool may_come = described.code() == ENOENT && (*volume)->state() == "mounted";
    return fail("inspect",
                fmt::format("{}: {}{}{}", request.image, path, described.error().describe(),
                            may_come ? how_it_comes(request.image) : ""));
  }
  fmt::print("{}", request.json ? answer.json() : answer.text());
  return 0;
}

}  // namespace

void add_inspect_command(const Command& program, int& status) {
  auto request = std::make_shared<InspectRequest>();
  const Command command = program.subcommand(
      "inspect", "Show what is on the disk of the volume in IMAGE, mounted, unmounted or damaged.");
  command.option("IMAGE", request->image, "image file or block device").required();
  command.option("SUBJECT", request->words, fmt::format("{} [a summary]", kSubjects));
  command.flag("--json", request->json, "print the answer as JSON");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
