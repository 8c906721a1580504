// spindle crash: cuts the power at a write of a recorded run, and looks at what is left.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "cli/commands.h"
#include "cli/crash/crash.h"
#include "fsck/find_superblock.h"
#include "spindle/base/number_text.h"
#include "spindle/command_line/command_line.h"
#include "spindle/device/write_log_file.h"

namespace spindle::cli {
namespace {

/// The command line as it was typed.
struct CrashWords {
  CrashRequest request;
  CrashRecordRequest record;
  std::vector<std::string> keep;
  std::vector<std::string> drop;
  std::vector<std::string> torn;
  std::string at;
  std::string transaction;
  bool explore = false;
  bool steps = false;
  bool is_record = false;
};

std::uint64_t natural(std::string_view option, std::string_view text, std::uint64_t low,
                      Complaint& complaint) {
  const auto value = number_in<std::uint64_t>(text);
  if (!value || *value < low)
    complaint.make(fmt::format("{}: '{}' is not a whole number of at least {}", option, text, low));
  return value.value_or(0);
}

SurvivorChoice survivors_of(const CrashWords& words, Complaint& complaint) {
  SurvivorChoice choice;
  for (const std::string& word : words.keep) {
    if (word == "all")
      choice.keep_all = true;
    else if (word != "none")
      choice.keep.insert(natural("--keep", word, 1, complaint));
  }
  for (const std::string& word : words.drop)
    choice.drop.insert(natural("--drop", word, 1, complaint));
  for (const std::string& word : words.torn) {
    const std::size_t colon = word.find(':');
    const std::uint64_t event = natural("--torn", word.substr(0, colon), 1, complaint);
    const std::uint64_t sectors =
        colon == word.npos ? 0 : natural("--torn", word.substr(colon + 1), 1, complaint);
    choice.torn.emplace_back(event, sectors);
  }
  if (!choice.keep.empty() && !choice.drop.empty())
    complaint.make("--keep and --drop contradict each other: one of them says it all");
  return choice;
}

/// What does not go together, in a sentence.
void check_words(const CrashWords& words, Complaint& complaint) {
  const CrashRequest& request = words.request;
  const bool chooses = !words.keep.empty() || !words.drop.empty() || !words.torn.empty();
  if (words.explore && words.steps)
    complaint.make("--explore and --replay-steps are two things: ask for one of them");
  if (words.explore && (chooses || !request.output.empty()))
    complaint.make("--explore tries all states: --keep, --drop, --torn and --output choose one");
  if (!words.transaction.empty() && !words.explore)
    complaint.make("--transaction is for --explore");
  if (!words.transaction.empty() && !words.at.empty())
    complaint.make("--transaction and --at both say where the power fails: give one of them");
  if (!request.output.empty() && words.at.empty())
    complaint.make("--output needs --at N: after which event the power fails");
  if (chooses && (words.at.empty() || (request.output.empty() && !words.steps)))
    complaint.make(
        "--keep, --drop and --torn choose what survives: they need --at N, and --output IMAGE or "
        "--replay-steps");
  if (!(request.last_seconds >= 0)) complaint.make("--last: the seconds are not negative");
}

/// Of an image itself, without a recording.
void tell_steps_of_image(const CrashRequest& request, Complaint& complaint) {
  auto device = FileDevice::open(request.file, FileDevice::Access::kReadOnly, kMinBlockSize);
  if (!device.ok()) {
    const std::string why =
        device.code() == EBUSY ? "it is in use: unmount it first" : device.error().describe();
    return complaint.make(fmt::format("{}: {}", request.file, why));
  }
  const auto found = fsck::find_superblock(**device, (*device)->size_bytes());
  const auto layout = found.ok() ? format::Layout::of(found->superblock) : found.error();
  if (!layout.ok()) {
    const std::string why = WriteLogFile::open(request.file).ok()
                                ? "it is a recording: --at N says after which event the power fails"
                                : layout.error().describe();
    return complaint.make(fmt::format("{}: {}", request.file, why));
  }
  (*device)->set_block_size(layout->block_size);
  tell_steps(**device, *layout, request.file, request.json, complaint);
}

void tell_steps_of_cut(const RecordedRun& run, const CrashRequest& request, Complaint& complaint) {
  const auto parts = run.surviving(*request.at, request.survivors, complaint);
  const auto durable = complaint.made() ? nullptr : run.durable_at(*request.at, complaint);
  if (complaint.made()) return;
  OverlayDevice state(*durable);
  if (const auto applied = durable->apply(state, parts); !applied.ok())
    return complaint.make(fmt::format("{}: {}", run.path(), applied.error().describe()));
  tell_steps(state, *run.layout(), fmt::format("{} after event {}", run.path(), *request.at),
             request.json, complaint);
}

std::unique_ptr<RecordedRun> open_run(const CrashWords& words, Complaint& complaint) {
  auto run = RecordedRun::open(words.request.file, words.request.run, complaint);
  if (!run) return nullptr;
  const std::size_t events = run->events().size();
  if (words.request.at && *words.request.at > events)
    complaint.make(fmt::format("--at {}: the recording has {} events", *words.request.at, events));
  const bool needs_layout = words.explore || words.steps;
  if (needs_layout && !run->layout())
    complaint.make(fmt::format(
        "{}: it holds no good superblock of the volume, as it was before the run", run->path()));
  return run;
}

/// The exit status.
int run_words(CrashWords& words, Complaint& complaint) {
  CrashRequest& request = words.request;
  check_words(words, complaint);
  if (!words.at.empty()) request.at = natural("--at", words.at, 0, complaint);
  if (!words.transaction.empty())
    request.transaction = natural("--transaction", words.transaction, 1, complaint);
  request.survivors = survivors_of(words, complaint);
  if (complaint.made()) return 1;
  if (words.steps && !request.at) {
    tell_steps_of_image(request, complaint);
    return 0;
  }
  const auto run = open_run(words, complaint);
  if (complaint.made()) return 1;
  if (words.explore) return explore_run(*run, request, complaint) ? 0 : 4;
  if (words.steps)
    tell_steps_of_cut(*run, request, complaint);
  else if (!request.output.empty())
    write_cut(*run, request, complaint);
  else
    list_run(*run, request, complaint);
  return 0;
}

int run(CrashWords& words) {
  Complaint complaint;
  int status = 0;
  if (words.is_record)
    status = record_crash_run(words.record, complaint);
  else if (words.request.file.empty())
    complaint.make("FILE is missing: a recording, which `spindle crash record` makes");
  else
    status = run_words(words, complaint);
  if (!complaint.made()) return status;
  fail("crash", complaint.what());
  return words.is_record && status != 0 ? status : 1;
}

void add_record(const Command& command, const std::shared_ptr<CrashWords>& words) {
  const Command record = command.subcommand(
      "record", "Mount IMAGE, run COMMAND in the mount, unmount, and record every write in FILE.");
  CrashRecordRequest& request = words->record;
  record.option("IMAGE", request.image, "the volume, which COMMAND may change").required();
  record.option("FILE", request.file, "the recording").required();
  record.option("COMMAND", request.command, "after --: the command to run in the mount").required();
  record.option("-o,--options", request.options, "options of the mount")
      .type_name("OPT,...")
      .one_value();
  record.flag("--force", request.force, "replace an existing recording");
  record.callback([words] { words->is_record = true; });
}

void add_options(const Command& command, const std::shared_ptr<CrashWords>& words) {
  CrashRequest& request = words->request;
  command.option("FILE", request.file, "a recording; with only --replay-steps, an image");
  command.option("--last", request.last_seconds, "only the last SECONDS of the run")
      .type_name("SECONDS");
  command.option("--at", words->at, "the power fails after event N").type_name("N");
  command.option("--keep", words->keep, "of the writes in flight, only these survive; or all")
      .type_name("N,...")
      .comma_separated();
  command.option("--drop", words->drop, "of the writes in flight, all but these survive")
      .type_name("N,...")
      .comma_separated();
  command.option("--torn", words->torn, "only the first sectors of this write survive [half of it]")
      .type_name("N[:SECTORS],...")
      .comma_separated();
  command.option("-o,--output", request.output, "write the image that the power failure leaves")
      .type_name("IMAGE");
  command.flag("--force", request.force, "replace an existing image");
  command.flag(
      "--explore", words->explore,
      "mount and check every state that a power failure may leave, and report what survived");
  command
      .option("--transaction", words->transaction,
              "explore power failures while transaction T is written")
      .type_name("T");
  command.flag("--lying-disk", request.run.lying_disk, "assume a disk whose flushes do nothing");
  command
      .option("--samples", request.samples,
              "how many states to draw if there are too many to try all")
      .type_name("N")
      .range(1, 100'000);
  command
      .option("--exhaustive", request.exhaustive,
              "try all states of a power failure if there are at most N")
      .type_name("N")
      .range(1, 65'536);
  command.option("--seed", request.seed, "seed of the draws").type_name("N");
  command.option("-j,--jobs", request.jobs, "how many states to check at a time")
      .type_name("N")
      .range(1, 256);
  command.flag("--replay-steps", words->steps, "explain step by step how the journal is replayed");
  command.option("--image", request.run.image, "the image of the run, if it was moved")
      .type_name("IMAGE");
  command.flag("--json", request.json, "print the answer as JSON");
}

}  // namespace

void add_crash_command(const Command& program, int& status) {
  auto words = std::make_shared<CrashWords>();
  words->request.jobs = std::max(1u, std::thread::hardware_concurrency());
  const Command command = program.subcommand(
      "crash",
      "Cut the power at any write of a recorded run: list its writes and flushes, get the image, "
      "explore all states, explain the replay of the journal step by step.");
  add_record(command, words);
  add_options(command, words);
  command.callback([words, &status] { status = run(*words); });
}

}  // namespace spindle::cli
