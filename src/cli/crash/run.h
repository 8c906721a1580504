// RecordedRun: a recording of block writes, opened; and the states that a power cut may leave of
// it.
//
//   const auto run = RecordedRun::open("run.crash", {}, complaint);
//   const auto parts = run->surviving(cut, choice, complaint);
//
// Events are counted from 1, so that a cut at N leaves what the first N events made possible.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/words.h"
#include "spindle/device/crash_device.h"
#include "spindle/device/overlay_device.h"
#include "spindle/format/layout.h"
#include "spindle/record/operation_notes.h"

namespace spindle::cli {

/// Which of the writes in flight survive: those of `keep`, or all but those of `drop`; and of a
/// torn one its first sectors. Numbers as a person counts them.
struct SurvivorChoice {
  bool keep_all = false;
  std::set<std::uint64_t> keep;
  std::set<std::uint64_t> drop;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> torn;  ///< event, sectors; 0: half of it
};

class RecordedRun {
 public:
  struct Options {
    std::string image;        ///< else the path that the recording knows
    bool lying_disk = false;  ///< flushes did nothing
  };
  /// Null, with a complaint, if the recording cannot be read.
  static std::unique_ptr<RecordedRun> open(const std::string& path, Options options,
                                           Complaint& complaint);

  [[nodiscard]] const WriteLogFile& log() const { return *log_; }
  [[nodiscard]] std::span<const WriteEvent> events() const { return events_; }
  [[nodiscard]] const WriteOrder& order() const { return *order_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& image() const { return options_.image; }
  [[nodiscard]] bool has_lying_disk() const { return options_.lying_disk; }
  /// Of the volume, as its superblock was before the run; nothing if that was damaged.
  [[nodiscard]] const std::optional<format::Layout>& layout() const { return layout_; }
  [[nodiscard]] std::optional<OperationNote> note(std::size_t index) const;
  /// From the beginning of the recording to its last event or note.
  [[nodiscard]] std::int64_t length_ns() const;

  /// "superblock", "log: transaction 4, 168 bytes in 3 records", "inode table".
  [[nodiscard]] std::string content_of(std::size_t event) const;
  /// The transaction whose entry in the log begins with this write, if one does.
  [[nodiscard]] std::optional<std::uint64_t> transaction_of(std::size_t event) const;
  /// Events [first, last] while a transaction was written: from its first cut to its last one.
  struct Span {
    std::size_t first_cut = 0;
    std::size_t last_cut = 0;
  };
  [[nodiscard]] std::optional<Span> span_of_transaction(std::uint64_t transaction) const;
  [[nodiscard]] std::vector<std::uint64_t> transactions() const;

  /// The parts of the writes in flight at the cut that are on the medium. Complains of a write that
  /// is not in flight there.
  [[nodiscard]] std::vector<WritePart> surviving(std::size_t cut, const SurvivorChoice& choice,
                                                 Complaint& complaint) const;
  /// The image with all that is durable at the cut; null, with a complaint, if it cannot be read.
  [[nodiscard]] std::unique_ptr<CrashDevice> durable_at(std::size_t cut,
                                                        Complaint& complaint) const;
  [[nodiscard]] std::unique_ptr<CrashDevice> before_run(Complaint& complaint) const;

 private:
  RecordedRun(std::unique_ptr<WriteLogFile> log, std::string path, Options options);
  void find_layout();

  std::unique_ptr<WriteLogFile> log_;
  std::string path_;
  Options options_;
  std::vector<WriteEvent> lying_;  ///< the events, with flushes that cover nothing
  std::span<const WriteEvent> events_;
  std::unique_ptr<WriteOrder> order_;
  std::optional<format::Layout> layout_;
};

/// "group table", "block bitmap", "file data": what stands in a block of a volume.
std::string block_text(const format::Layout& layout, BlockNo block,
                       std::span<const std::byte> content);
/// "write 17 bytes at 0 of /a", "fsync /a".
std::string operation_text(const OperationNote& note);
/// "1, 2 and 5" of events, as a person counts them.
std::string events_text(const std::vector<std::size_t>& events);

}  // namespace spindle::cli
