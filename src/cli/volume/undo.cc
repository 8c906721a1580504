// `spindle undo`: puts back what a repair overwrote.

#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/words.h"
#include "fsck/find_superblock.h"
#include "fsck/undo_file.h"
#include "spindle/command_line/command_line.h"
#include "spindle/device/file_device.h"
#include "spindle/format/mount_mark.h"

namespace spindle::cli {
namespace {

struct UndoRequest {
  std::string file;
  std::string image;
  bool force = false;
};

int fail_undo(const std::string& about, const Error& error) {
  const int status = fail("undo", about, error.describe());
  if (error.code == EBUSY) {
    fmt::print(stderr, "Nothing was written; --force puts the old blocks back anyway.\n");
  }
  return status;
}

/// A superblock that was damaged before the repair says nothing of a mount.
Result<> check_unused(FileDevice& image, const std::string& path) {
  const auto found = fsck::find_superblock(image, image.size_bytes());
  return found.ok() ? format::check_not_mounted(found->superblock, path) : Result<>{};
}

int run(const UndoRequest& request) {
  const auto block_size = fsck::undo_block_size(request.file);
  if (!block_size.ok()) return fail_undo(request.file, block_size.error());
  const auto opened =
      FileDevice::open(request.image, FileDevice::Access::kReadWrite, kMinBlockSize);
  const auto unused = opened.ok() ? check_unused(**opened, request.image) : opened.error();
  if (!unused.ok() && unused.code() == EBUSY)
    return fail("undo", request.image + " is in use; unmount it first");
  if (!unused.ok()) return fail_undo(request.image, unused.error());
  FileDevice& image = **opened;
  image.set_block_size(*block_size);
  const auto later = request.force ? fsck::LaterChanges::kOverwrite : fsck::LaterChanges::kKeep;
  const auto report = fsck::undo(request.file, image, later);
  if (!report.ok()) return fail_undo(request.image, report.error());
  fmt::print("{}: {} as before the repair{}\n", request.image, counted(report->blocks, "block"),
             report->was_cut_off ? ", which was not finished" : "");
  return 0;
}

}  // namespace

void add_undo_command(const Command& program, int& status) {
  auto request = std::make_shared<UndoRequest>();
  const Command command = program.subcommand(
      "undo", "Put back, byte for byte, what `fsck.spindle --undo FILE` overwrote in IMAGE.");
  command.option("FILE", request->file, "the undo file of the repair").required();
  command.option("IMAGE", request->image, "the image that was repaired").required();
  command.flag("--force", request->force, "undo even if the volume was changed since the repair");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
