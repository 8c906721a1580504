#include "cli/crash/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/inspect/subjects.h"
#include "spindle/base/printable.h"
#include "spindle/base/size_text.h"
#include "spindle/format/log.h"

namespace spindle::cli {
namespace {

std::string block_name(const format::Layout& layout, BlockNo block) {
  if (block == layout.superblock()) return "superblock";
  if (block == layout.fixed_copy() || block == layout.last_copy()) return "copy of the superblock";
  if (layout.journal.contains(block))
    return block - layout.journal.start < format::kJournalHeaderBlocks ? "journal header" : "log";
  return "file data";
}

bool is_metadata(const format::Layout& layout, BlockNo block, std::span<const std::byte> content) {
  const auto& header = format::at<format::BlockHeader>(content, 0);
  return header.magic == format::kBlockMagic &&
         header.checksum == format::block_checksum(content, layout.seed, block);
}

std::string shown_path(const std::string& path) {
  return path.empty() ? "a file without a name" : printable(path);
}

}  // namespace

std::string block_text(const format::Layout& layout, BlockNo block,
                       std::span<const std::byte> content) {
  const std::string name = block_name(layout, block);
  if (name != "file data" || !is_metadata(layout, block, content)) return name;
  return block_kind_name(format::at<format::BlockHeader>(content, 0).kind);
}

std::string events_text(const std::vector<std::size_t>& events) {
  constexpr std::size_t kMostShown = 20;
  std::vector<std::string> words;
  for (const std::size_t event : events) {
    if (words.size() == kMostShown) break;
    words.push_back(std::to_string(event + 1));
  }
  if (events.size() > kMostShown)
    words.push_back(fmt::format("{} others", events.size() - kMostShown));
  return listed(words);
}

std::string operation_text(const OperationNote& note) {
  using Kind = Operation::Kind;
  const Operation& operation = note.operation;
  const std::string path = shown_path(note.path);
  switch (operation.kind) {
    case Kind::kWrite:
      return fmt::format("write {} at {} of {}", counted(operation.size, "byte"), operation.offset,
                         path);
    case Kind::kSetAttributes:
      return (operation.flags & 2) != 0 ? fmt::format("truncate {} to {}", path, operation.size)
                                        : fmt::format("set attributes of {}", path);
    case Kind::kRename:
    case Kind::kLink:
      return fmt::format("{} {} to {}", operation_name(operation.kind), path,
                         shown_path(note.new_path));
    case Kind::kSync:
      return fmt::format("{} {}", (operation.flags & 1) != 0 ? "fdatasync" : "fsync", path);
    case Kind::kSyncDirectory:
      return "fsync " + path;
    case Kind::kSyncAll:
      return "sync everything";
    default:
      return fmt::format("{} {}", operation_name(operation.kind), path);
  }
}

RecordedRun::RecordedRun(std::unique_ptr<WriteLogFile> log, std::string path, Options options)
    : log_(std::move(log)), path_(std::move(path)), options_(std::move(options)) {
  if (options_.image.empty()) options_.image = log_->image();
  events_ = log_->events();
  if (options_.lying_disk) {
    lying_ = log_->events();
    for (WriteEvent& event : lying_)
      if (event.kind == WriteEvent::Kind::kFlush) event.moment = 0;
    events_ = lying_;
  }
  order_ = std::make_unique<WriteOrder>(events_, log_->block_size());
  find_layout();
}

std::unique_ptr<RecordedRun> RecordedRun::open(const std::string& path, Options options,
                                               Complaint& complaint) {
  auto log = WriteLogFile::open(path);
  if (log.ok()) {
    return std::unique_ptr<RecordedRun>(
        new RecordedRun(std::move(log).take(), path, std::move(options)));
  }
  const bool is_none = log.code() == EUCLEAN && log.error().subject.kind == Subject::Kind::kNone;
  complaint.make(fmt::format("{}: {}{}", path, log.error().describe(),
                             is_none ? "; `spindle crash record` makes one" : ""));
  return nullptr;
}

// Each mount writes the superblock, so the recording knows what it was.
void RecordedRun::find_layout() {
  const std::uint32_t block_size = log_->block_size();
  const BlockNo block{format::kSuperblockOffset / block_size};
  const auto before = log_->before().find(block);
  if (before == log_->before().end()) return;
  std::vector<std::byte> bytes(block_size);
  if (!log_->read(before->second, bytes).ok()) return;
  const auto& superblock =
      format::at<format::Superblock>(bytes, format::kSuperblockOffset % block_size);
  if (superblock.magic != format::kSuperblockMagic || superblock.block_size != block_size ||
      superblock.checksum != format::superblock_checksum(superblock, block))
    return;
  const auto layout = format::Layout::of(superblock);
  if (layout.ok() && layout->block_count <= log_->block_count()) layout_ = *layout;
}

std::optional<OperationNote> RecordedRun::note(std::size_t index) const {
  const auto text = log_->text(log_->notes()[index]);
  if (!text.ok()) return std::nullopt;
  auto note = parse_note(*text);
  return note.ok() ? std::optional(std::move(note).take()) : std::nullopt;
}

std::int64_t RecordedRun::length_ns() const {
  const std::int64_t last_event = events_.empty() ? 0 : log_->time_ns(events_.size() - 1);
  const std::int64_t last_note = log_->notes().empty() ? 0 : log_->notes().back().time_ns;
  return std::max(last_event, last_note);
}

std::optional<std::uint64_t> RecordedRun::transaction_of(std::size_t event) const {
  const WriteEvent& write = events_[event];
  if (!layout_ || write.kind != WriteEvent::Kind::kWrite ||
      block_name(*layout_, write.run.start) != "log")
    return std::nullopt;
  format::LogHead head;
  const auto got =
      log_->read(log_->content_offset(event), std::as_writable_bytes(std::span(&head, 1)));
  if (!got.ok() || head.magic != format::kLogMagic) return std::nullopt;
  return head.epoch;
}

std::string RecordedRun::content_of(std::size_t event) const {
  const WriteEvent& write = events_[event];
  if (write.kind == WriteEvent::Kind::kDiscard) return "freed blocks";
  constexpr std::uint64_t kMostBlocks = 64;
  const std::uint64_t blocks = std::min(write.run.length, kMostBlocks);
  std::vector<std::byte> content(blocks * log_->block_size());
  const std::span<const std::byte> block = std::span(content).first(log_->block_size());
  if (!layout_ || write.kind != WriteEvent::Kind::kWrite ||
      !log_->read(log_->content_offset(event), content).ok())
    return "";
  std::vector<std::string> kinds;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::string kind = block_text(*layout_, write.run.start + i,
                                        std::span(content).subspan(i * block.size(), block.size()));
    if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
  }
  const std::string what = listed(kinds);
  if (what == "journal header") {
    const auto& header = format::at<format::JournalHeader>(block, format::kHeaderSize);
    return fmt::format("journal header: the log begins at its block {} with transaction {}",
                       std::uint64_t{header.tail_block}, std::uint64_t{header.tail_epoch});
  }
  if (!transaction_of(event)) return what;
  const auto& head = format::at<format::LogHead>(block, 0);
  return fmt::format("log: transaction {}, {} in {}", std::uint64_t{head.epoch},
                     counted(head.length, "byte"), counted(head.records, "record"));
}

std::vector<std::uint64_t> RecordedRun::transactions() const {
  std::vector<std::uint64_t> all;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (const auto transaction = transaction_of(i)) all.push_back(*transaction);
  }
  return all;
}

// It begins with the first event that is not durable together with the one before it.
std::optional<RecordedRun::Span> RecordedRun::span_of_transaction(std::uint64_t transaction) const {
  const auto covering_flush = [&](std::size_t write) {
    for (std::size_t i = write + 1; i < events_.size(); ++i) {
      const WriteEvent& event = log_->events()[i];
      if (event.kind == WriteEvent::Kind::kFlush && event.moment > events_[write].moment) return i;
    }
    return events_.size() - 1;
  };
  Span span;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const auto found = transaction_of(i);
    if (!found) continue;
    const std::size_t durable = covering_flush(i) + 1;
    if (*found == transaction) return Span{span.first_cut, durable};
    span.first_cut = durable;
  }
  return std::nullopt;
}

std::vector<WritePart> RecordedRun::surviving(std::size_t cut, const SurvivorChoice& choice,
                                              Complaint& complaint) const {
  const std::vector<std::size_t> in_flight = order_->uncovered(cut);
  const auto check = [&](std::uint64_t number) {
    if (number != 0 && std::ranges::binary_search(in_flight, number - 1)) return;
    const std::string those =
        in_flight.empty() ? "nothing is" : "those are " + events_text(in_flight);
    complaint.make(fmt::format("event {} is not in flight after event {}: {}", number, cut, those));
  };
  for (const std::uint64_t number : choice.keep) check(number);
  for (const std::uint64_t number : choice.drop) check(number);
  for (const auto& [number, sectors] : choice.torn) check(number);
  std::vector<WritePart> parts;
  if (complaint.made()) return parts;
  const bool keeps_others = choice.keep_all || !choice.drop.empty();
  for (WritePart part : order_->uncovered_parts(cut)) {
    const std::uint64_t number = part.event + 1;
    const auto torn =
        std::ranges::find(choice.torn, number, &std::pair<std::uint64_t, std::uint64_t>::first);
    if (torn != choice.torn.end()) {
      const std::uint64_t all = events_[part.event].run.length * log_->block_size() / kSectorSize;
      const std::uint64_t arrived = (torn->second == 0 ? all / 2 : torn->second) * kSectorSize;
      if (arrived <= part.offset) continue;
      part.length = std::min(part.length, arrived - part.offset);
    } else if (!choice.keep.contains(number) && (!keeps_others || choice.drop.contains(number))) {
      continue;
    }
    parts.push_back(part);
  }
  return parts;
}

std::unique_ptr<CrashDevice> RecordedRun::before_run(Complaint& complaint) const {
  auto device = CrashDevice::open(*log_, options_.image);
  if (device.ok()) return std::move(device).take();
  std::string why = device.error().describe();
  if (device.code() == EBUSY) why = "it is in use: unmount it first";
  if (device.code() == ESTALE && !log_->is_complete())
    why += "; or the recording was cut off before the run ended";
  if (device.code() == ENOENT) why += "; --image says where it is now";
  complaint.make(fmt::format("{}: {}", options_.image, why));
  return nullptr;
}

std::unique_ptr<CrashDevice> RecordedRun::durable_at(std::size_t cut, Complaint& complaint) const {
  auto device = before_run(complaint);
  for (std::size_t i = 0; device && i <= order_->barrier_of(cut); ++i)
    device->advance(order_->barriers()[i]);
  return device;
}

}  // namespace spindle::cli
