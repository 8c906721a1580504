// spindle crash --replay-steps: how the journal is replayed, told in words.

#include <fmt/format.h>

#include "cli/crash/crash.h"
#include "spindle/base/json_text.h"
#include "spindle/base/wrapped_text.h"
#include "spindle/journal/replay.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kMostDetails = 16;

/// Collects the steps; each is a sentence or two, with lines of detail below it.
class Steps {
 public:
  Steps(BlockDevice& device, const format::Layout& layout, const ReplayStory& story)
      : device_(device), layout_(layout), story_(story) {}

  Json tell() {
    headers();
    for (const LogEntry& entry : story_.entries) add_entry(entry);
    end();
    if (!story_.entries.empty()) {
      revoked();
      homes();
      move_tail();
    }
    outcome();
    return std::move(steps_);
  }

 private:
  void add(std::string text, std::vector<std::string> details = {}) {
    steps_.push_back({{"text", std::move(text)}, {"details", std::move(details)}});
  }

  void headers() {
    const auto& counting = story_.headers[story_.counts];
    std::vector<std::string> details;
    for (const auto& header : story_.headers) {
      details.push_back(
          header.is_good
              ? fmt::format("block {}: good, written {}; the log begins at its block {} with "
                            "transaction {}",
                            header.block.value, counted(header.writes, "time"), header.tail_block,
                            header.tail_epoch)
              : fmt::format("block {}: its checksum does not fit: torn while it was written, or "
                            "damaged",
                            header.block.value));
    }
    add(fmt::format("The journal has two headers, written in turn, so that one is always whole. "
                    "The newer good one counts: block {}. The log behind them is a ring of {} "
                    "blocks, and the oldest entry that may not be home yet is at its block {}.",
                    counting.block.value, story_.log_blocks, counting.tail_block),
        std::move(details));
  }

  void add_entry(const LogEntry& entry) {
    std::vector<std::string> details;
    std::size_t seals = 0;
    for (const auto& record : entry.records) {
      if (record.kind == format::RecordKind::kSeal)
        ++seals;
      else if (details.size() < kMostDetails)
        details.push_back(record_text(record));
    }
    const std::size_t shown = details.size() + seals;
    if (entry.records.size() > shown)
      details.push_back(fmt::format("... and {} more", entry.records.size() - shown));
    if (seals != 0)
      details.push_back(
          fmt::format("and the checksums that {} afterwards",
                      seals == 1 ? "this block has" : fmt::format("these {} blocks have", seals)));
    add(fmt::format(
            "Block {} of the log: the entry of transaction {}, {} in {}. Its checksum fits, "
            "so all of it was written: that is its commit. It is replayed.",
            entry.start_block, entry.epoch, counted(entry.bytes, "byte"),
            counted(entry.records.size(), "record")),
        std::move(details));
  }

  std::string record_text(const LogEntry::Record& record) {
    const std::string block =
        fmt::format("block {} ({})", record.block.value, name_of(record.block));
    switch (record.kind) {
      case format::RecordKind::kPatch:
        return fmt::format("{} {} in {}", counted(record.length, "byte"),
                           record.length == 1 ? "changes" : "change", block);
      case format::RecordKind::kFresh:
        return fmt::format("{} is new: zeros, and {}", block, counted(record.length, "byte"));
      case format::RecordKind::kSetBits:
        return fmt::format("{} set in {}", bits_text(record), block);
      case format::RecordKind::kClearBits:
        return fmt::format("{} cleared in {}", bits_text(record), block);
      case format::RecordKind::kSeal:
        break;
      case format::RecordKind::kRevoke:
        return fmt::format("{} from {} on: freed, so that older records of it mean nothing",
                           counted(record.count, "block"), record.block.value);
      case format::RecordKind::kData:
        return fmt::format("all of {}", block);
    }
    return block;
  }

  static std::string bits_text(const LogEntry::Record& record) {
    if (record.count == 1) return fmt::format("bit {} is", record.offset);
    return fmt::format("bits {} to {} are", record.offset, record.offset + record.count - 1);
  }

  std::string name_of(BlockNo block) {
    std::vector<std::byte> bytes(layout_.block_size);
    if (!device_.read(block, bytes).ok()) return "unreadable";
    return block_text(layout_, block, bytes);
  }

  void end() {
    const std::uint64_t next = story_.headers[story_.counts].tail_epoch + story_.entries.size();
    const std::string at = fmt::format("Block {} of the log", story_.end_block);
    switch (story_.end) {
      case LogEnd::kWholeRing:
        return add("The entries fill the whole ring: the log ends where it began.");
      case LogEnd::kNoEntry:
        return add(at + ": there is no head of an entry. Here the log ends.");
      case LogEnd::kOtherEpoch:
        return add(
            fmt::format("{}: an entry of transaction {}, left from an earlier round; the "
                        "next one would be {}. Here the log ends.",
                        at, story_.found_epoch, next));
      case LogEnd::kBadLength:
        return add(
            fmt::format("{}: the head of transaction {} with a length that cannot be. Here "
                        "the log ends.",
                        at, next));
      case LogEnd::kBadChecksum:
        return add(
            fmt::format("{}: transaction {} begins there, but its checksum does not fit: the "
                        "power failed while it was written. It is as if it had never been. "
                        "Here the log ends.",
                        at, next));
    }
  }

  void revoked() {
    if (story_.revoked.empty()) return;
    std::vector<std::string> details;
    for (const auto& record : story_.revoked) {
      if (details.size() == kMostDetails) break;
      details.push_back(
          fmt::format("block {}: a record of transaction {}", record.block.value, record.epoch));
    }
    if (story_.revoked.size() > kMostDetails)
      details.push_back(fmt::format("... and {} more", story_.revoked.size() - kMostDetails));
    add(fmt::format(
            "{} left out: the block was freed in that transaction or in a later one, and may "
            "belong to another file by now.",
            story_.revoked.size() == 1 ? "1 record is"
                                       : fmt::format("{} records are", story_.revoked.size())),
        std::move(details));
  }

  void homes() {
    std::vector<std::string> details;
    for (const auto& home : story_.homes) {
      if (details.size() == kMostDetails) break;
      const std::string which =
          home.first_epoch == home.last_epoch
              ? fmt::format("transaction {}", home.last_epoch)
              : fmt::format("transactions {} to {}", home.first_epoch, home.last_epoch);
      details.push_back(fmt::format("block {} ({}): {} of {}{}", home.block.value,
                                    name_of(home.block), counted(home.records, "record"), which,
                                    home.reads_old ? "" : ", which make up all of it"));
    }
    if (story_.homes.size() > kMostDetails)
      details.push_back(fmt::format("... and {} more", story_.homes.size() - kMostDetails));
    add(fmt::format("{} written home, each once, with what all its records make of it.",
                    story_.homes.size() == 1 ? "1 block is"
                                             : fmt::format("{} blocks are", story_.homes.size())),
        std::move(details));
    if (story_.report.mismatched.empty()) return;
    details.clear();
    for (const BlockNo block : story_.report.mismatched)
      details.push_back(fmt::format("block {}", block.value));
    add("These do not come out with the checksum that the log has for them: they are damaged.",
        std::move(details));
  }

  void move_tail() {
    const auto& other = story_.headers[1 - story_.counts];
    add(fmt::format(
        "A flush: all of it is home. Only now the other header, block {}, says that the "
        "log begins at its block {} with transaction {}; and a flush again. Had the power "
        "failed in between, the next mount would do the same again.",
        other.block.value, story_.end_block, story_.report.last_epoch + 1));
  }

  void outcome() {
    if (story_.entries.empty())
      return add(fmt::format("There is nothing to replay: the volume is as of transaction {}.",
                             story_.report.last_epoch));
    add(
        fmt::format("The volume is as of transaction {}. What came later, and was not durable, is "
                    "gone, whole.",
                    story_.report.last_epoch));
  }

  BlockDevice& device_;
  const format::Layout& layout_;
  const ReplayStory& story_;
  Json steps_ = Json::array();
};

}  // namespace

void tell_steps(BlockDevice& device, const format::Layout& layout, const std::string& name,
                bool json, Complaint& complaint) {
  const auto story = tell_replay(device, layout);
  if (!story.ok()) return complaint.make(fmt::format("{}: {}", name, story.error().describe()));
  const Json steps = Steps(device, layout, *story).tell();
  if (json) {
    fmt::print("{}\n", json_text(Json{{"of", name}, {"steps", steps}}, 2));
    return;
  }
  std::size_t number = 0;
  for (const Json& step : steps) {
    fmt::print("{}", wrapped_text(step["text"].get<std::string>(), fmt::format("{:>2}. ", ++number),
                                  "    "));
    for (const Json& line : step["details"]) fmt::print("      {}\n", line.get<std::string>());
  }
}

}  // namespace spindle::cli
