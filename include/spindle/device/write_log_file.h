// A write log in a file: `WriteLogWriter` keeps it while a volume is in use, `WriteLogFile` reads
// it.
//
//   auto writer = TRY(WriteLogWriter::create("run.crash", image, "/home/me/volume.img"));
//   RecordingDevice device(image, *writer);
//   ... use device ...
//   writer->finish();
//
// The file holds each event with its bytes, and of each block what it held before it was first
// overwritten: so the image as it is now and the log together give the image at every moment of the
// run, and the file grows with what was written, not with the volume. Notes (short texts) stand
// between the events. Records are in order, each with a checksum, and are handed to the host before
// the write itself is: when the daemon is killed, the file knows all that the image may have. What
// cannot be written down ends the recording, never the run.
//
// Contents stay in the file; a reader keeps some 60 bytes for each event, 40 for each note and 24
// for each block that was overwritten.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "spindle/base/file_descriptor.h"
#include "spindle/device/write_log.h"

namespace spindle {

struct WriteLogRecord;

class WriteLogWriter final : public WriteSink {
 public:
  /// EEXIST if there is such a file. `image` is the path that a reader is told.
  static Result<std::unique_ptr<WriteLogWriter>> create(const std::string& path,
                                                        const BlockDevice& device,
                                                        const std::string& image);
  ~WriteLogWriter() override = default;  ///< without `finish` the file says that it was cut off
  void before(BlockDevice& device, Run run) override;
  void enter(const WriteEvent& event, std::span<const std::span<std::byte>> content) override;
  void complete(std::size_t index, std::uint64_t moment) override;
  void note(std::string_view text);
  /// The run has come to its end.
  void finish();
  /// Where its times begin, on the monotonic clock.
  [[nodiscard]] std::int64_t began_ns() const { return began_ns_; }
  /// Why the recording ended early, if it did.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Head;
  WriteLogWriter(FileDescriptor file, const BlockDevice& device);
  void append(Head head, std::span<const std::span<std::byte>> content);

  FileDescriptor file_;
  std::uint32_t block_size_;
  std::int64_t began_ns_;
  std::uint64_t end_ = 0;
  std::vector<bool> kept_;  ///< for each block, whether the file has what the block held at first
  std::optional<Error> failure_;
};

class WriteLogFile {
 public:
  struct Note {
    std::size_t position = 0;  ///< how many events stand before it
    std::int64_t time_ns = 0;  ///< since the recording began
    std::uint64_t offset = 0;  ///< where its text stands in the file
    std::uint32_t length = 0;
  };

  /// EUCLEAN if it is no write log, or is damaged before its end; what the host says if it cannot
  /// be read.
  static Result<std::unique_ptr<WriteLogFile>> open(const std::string& path);
  [[nodiscard]] std::uint32_t block_size() const { return block_size_; }
  [[nodiscard]] std::uint64_t block_count() const { return block_count_; }
  [[nodiscard]] const std::string& image() const { return image_; }
  /// False: the recording was cut off, and ends before the run did.
  [[nodiscard]] bool is_complete() const { return is_complete_; }
  [[nodiscard]] const std::vector<WriteEvent>& events() const { return events_; }
  /// When it was issued, or for a flush, when it had succeeded; since the recording began.
  [[nodiscard]] std::int64_t time_ns(std::size_t event) const { return places_[event].time_ns; }
  [[nodiscard]] const std::vector<Note>& notes() const { return notes_; }
  /// By block that was overwritten: where in the file stands what it held before.
  [[nodiscard]] const std::unordered_map<BlockNo, std::uint64_t>& before() const { return before_; }
  /// Where the bytes of a write stand.
  [[nodiscard]] std::uint64_t content_offset(std::size_t event) const {
    return places_[event].content;
  }

  // These may be called by several kernel threads at once.
  Result<std::string> text(const Note& note) const;
  Result<> read(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  struct Place {
    std::uint64_t content = 0;
    std::int64_t time_ns = 0;
  };
  explicit WriteLogFile(FileDescriptor file) : file_(std::move(file)) {}
  Result<> scan();
  Result<> take(const WriteLogRecord& record, std::uint64_t at);

  FileDescriptor file_;
  std::uint32_t block_size_ = 0;
  std::uint64_t block_count_ = 0;
  std::string image_;
  bool is_complete_ = false;
  std::vector<WriteEvent> events_;
  std::vector<Place> places_;
  std::vector<Note> notes_;
  std::unordered_map<BlockNo, std::uint64_t> before_;
};

}  // namespace spindle
