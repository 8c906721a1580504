// `spindle damage`: a damaged copy of an image, to be found and repaired; and the answer beside it.

#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/volume/image_copy.h"
#include "cli/words.h"
#include "fsck/damage.h"
#include "fsck/find_superblock.h"
#include "spindle/base/json_text.h"
#include "spindle/base/printable.h"
#include "spindle/base/whole_file.h"
#include "spindle/command_line/command_line.h"
#include "spindle/device/file_device.h"
#include "spindle/format/mount_mark.h"
#include "spindle/json/json.h"

namespace spindle::cli {
namespace {

struct DamageRequest {
  std::string image;
  std::string kind;
  std::uint64_t seed = 1;
  std::string output;
  bool force = false;
  bool answer = false;
};

std::string why_not(const DamageRequest& request, const Error& error) {
  if (error.code == EBUSY) return "it is mounted: unmount it first";
  if (error.code == ENODATA) return fmt::format("no {}: {}", request.kind, error.what);
  return error.describe();
}

Result<fsck::DamageAnswer> damage_copy(const DamageRequest& request) {
  auto copy = TRY(FileDevice::open(request.output, FileDevice::Access::kReadWrite, kMinBlockSize));
  const auto found = TRY(fsck::find_superblock(*copy, copy->size_bytes()));
  TRY(format::check_not_mounted(found.superblock, request.image));
  copy->set_block_size(found.superblock.block_size);
  return fsck::damage(*copy, found.superblock, request.kind, request.seed);
}

nlohmann::ordered_json json_of(const DamageRequest& request, const fsck::DamageAnswer& answer) {
  nlohmann::ordered_json out = {
      {"image", request.image},         {"copy", request.output},
      {"kind", request.kind},           {"seed", request.seed},
      {"what", printable(answer.what)}, {"blocks", nlohmann::ordered_json::array()}};
  for (const BlockNo block : answer.blocks) out["blocks"].push_back(block.value);
  if (answer.inode) out["inode"] = answer.inode->value;
  if (!answer.name.empty()) out["path"] = answer.name;
  return out;
}

int run(DamageRequest request) {
  if (request.output.empty()) request.output = request.image + ".damaged";
  if (is_same_file(request.image, request.output)) {
    return fail("damage", request.output, "it is the image itself; only a copy is damaged");
  }
  const auto copied = copy_image(request.image, request.output, request.force);
  if (!copied.ok()) {
    const std::string why = copied.error().describe();
    if (copied.code() == EEXIST)
      return fail("damage", request.output, why + "; --force replaces it");
    return fail("damage", request.image + " to " + request.output, why);
  }
  const auto answer = damage_copy(request);
  if (!answer.ok()) {
    remove_copy(request.output);
    return fail("damage", request.image, why_not(request, answer.error()));
  }
  const std::string beside = request.output + ".answer";
  const Result<> written = write_whole_file(beside, json_text(json_of(request, *answer), 2) + "\n");
  if (!written.ok()) return fail("damage", beside, written.error().describe());
  fmt::print("{}: damaged ({}, seed {})\n", request.output, request.kind, request.seed);
  if (request.answer) {
    fmt::print("{}\n", answer->what);
  } else {
    fmt::print("What was done is in {}. Find it first: fsck.spindle -n -f --explain {}\n", beside,
               request.output);
  }
  return 0;
}

std::string kinds_text() {
  std::string text = "Kinds of damage:";
  for (const auto& kind : fsck::damage_kinds())
    text += fmt::format("\n  {:<16}{}", kind.name, kind.what);
  return text;
}

}  // namespace

void add_damage_command(const Command& program, int& status) {
  auto request = std::make_shared<DamageRequest>();
  const Command command = program.subcommand(
      "damage", "Make a copy of IMAGE with one fault in it, to try fsck.spindle on.");
  command.footer(kinds_text());
  command.option("IMAGE", request->image, "a volume without errors; it is only read").required();
  std::vector<std::string> names;
  for (const auto& kind : fsck::damage_kinds()) names.emplace_back(kind.name);
  command.option("--kind", request->kind, "the kind of fault")
      .required()
      .type_name("KIND")
      .one_of(names);
  command
      .option("--seed", request->seed,
              "seed for the place of the fault; the same seed gives the same fault")
      .type_name("N");
  command.option("-o,--output", request->output, "name of the copy [IMAGE.damaged]")
      .type_name("COPY");
  command.flag("--force", request->force, "replace an existing copy");
  command.flag("--answer", request->answer, "tell which fault was made");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
