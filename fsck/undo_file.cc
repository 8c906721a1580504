#include "fsck/undo_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include "spindle/base/checksum.h"
#include "spindle/base/endian.h"
#include "spindle/base/limits.h"

namespace spindle::fsck {
namespace {

constexpr char kUndoMagic[8] = {'S', 'P', 'I', 'N', 'U', 'N', 'D', 'O'};
constexpr std::uint32_t kUndoVersion = 1;
constexpr std::uint64_t kUndoEnd = ~std::uint64_t{0};

struct UndoHeader {
  char magic[8];
  le32 version;
  le32 block_size;
  le64 block_count;
  std::byte reserved[32];
  le64 checksum;  ///< of what stands before it
};
static_assert(sizeof(UndoHeader) == 64);

struct RecordHead {
  le64 block;
  le64 checksum;
};

std::uint64_t checksum_of(const UndoHeader& header) {
  return checksum(std::as_bytes(std::span(&header, 1)).first(sizeof header - sizeof(le64)), 0);
}

Result<> read_fully(int file, std::span<std::byte> into, std::uint64_t at) {
  const auto got = read_at(file, into, at);
  if (!got.ok()) return Error{got.code(), "the undo file cannot be read"};
  if (*got < into.size()) return Error{ENODATA, "the undo file ends"};
  return {};
}

Result<FileDescriptor> open_undo_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) return Error{errno, "the undo file cannot be opened"};
  return file;
}

Result<UndoHeader> read_header(int file) {
  UndoHeader header;
  const auto read = read_fully(file, std::as_writable_bytes(std::span(&header, 1)), 0);
  if (!read.ok() && read.code() != ENODATA) return read.error();
  const bool is_good = read.ok() && std::memcmp(header.magic, kUndoMagic, 8) == 0 &&
                       header.checksum == checksum_of(header) &&
                       std::has_single_bit(std::uint32_t{header.block_size}) &&
                       header.block_size >= kMinBlockSize && header.block_size <= kMaxBlockSize;
  if (!is_good) return corrupt("it is not an undo file of a repair");
  if (header.version != kUndoVersion) {
    return Error{EOPNOTSUPP, "the undo file is of a version that is not known"};
  }
  return header;
}

/// A block of the undo file: where its old bytes stand, and the checksum of what it became.
struct Kept {
  BlockNo block;
  std::uint64_t offset = 0;
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};

struct Contents {
  std::vector<Kept> blocks;
  bool is_complete = false;
};

/// Reads what follows the last block, if the repair came to its end.
Result<> read_ends(int file, std::uint64_t at, Contents& contents) {
  for (Kept& kept : contents.blocks) {
    le64 after;
    TRY(read_fully(file, std::as_writable_bytes(std::span(&after, 1)), at));
    kept.after = after;
    at += sizeof after;
  }
  contents.is_complete = true;
  return {};
}

/// An incomplete record at the end belongs to a block that was not written yet.
Result<Contents> read_contents(int file, const UndoHeader& header) {
  Contents contents;
  std::vector<std::byte> bytes(header.block_size);
  std::uint64_t at = sizeof(UndoHeader);
  while (true) {
    RecordHead head;
    const auto read = read_fully(file, std::as_writable_bytes(std::span(&head, 1)), at);
    if (!read.ok()) return read.code() == ENODATA ? Result<Contents>(contents) : read.error();
    at += sizeof head;
    if (head.block == kUndoEnd) {
      if (head.checksum != contents.blocks.size()) return corrupt("the undo file is damaged");
      const auto ends = read_ends(file, at, contents);
      if (!ends.ok() && ends.code() != ENODATA) return ends.error();
      return contents;
    }
    if (head.block >= header.block_count) return corrupt("the undo file is damaged");
    const BlockNo block{head.block};
    const auto body = read_fully(file, bytes, at);
    if (!body.ok()) return body.code() == ENODATA ? Result<Contents>(contents) : body.error();
    if (checksum(bytes, block.value) != head.checksum) {
      struct stat about {};
      const bool is_last = ::fstat(file, &about) == 0 &&
                           at + bytes.size() == static_cast<std::uint64_t>(about.st_size);
      if (is_last) return contents;
      return corrupt("the undo file is damaged", Subject::block(block));
    }
    contents.blocks.push_back({block, at, head.checksum, 0});
    at += bytes.size();
  }
}

/// How many blocks somebody else has changed since.
Result<std::uint64_t> count_changed(BlockDevice& device, const Contents& contents) {
  std::uint64_t changed = 0;
  std::vector<std::byte> bytes(device.block_size());
  for (const Kept& kept : contents.blocks) {
    TRY(device.read(kept.block, bytes));
    const std::uint64_t now = checksum(bytes, kept.block.value);
    changed += now != kept.before && now != kept.after ? 1 : 0;
  }
  return changed;
}

}  // namespace

Result<std::unique_ptr<UndoRecorder>> UndoRecorder::create(const std::string& path,
                                                           BlockDevice& backing) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) {
    return Error{errno, errno == EEXIST ? "it may be needed for an earlier repair: name another"
                                        : "the undo file cannot be made"};
  }
  std::unique_ptr<UndoRecorder> recorder(new UndoRecorder(std::move(file), backing));
  UndoHeader header{};
  std::memcpy(header.magic, kUndoMagic, sizeof header.magic);
  header.version = kUndoVersion;
  header.block_size = backing.block_size();
  header.block_count = backing.block_count();
  header.checksum = checksum_of(header);
  TRY(recorder->append(std::as_bytes(std::span(&header, 1))));
  return recorder;
}

Result<> UndoRecorder::submit(std::span<const IoRequest> batch) {
  const std::uint64_t before = end_;
  for (const IoRequest& request : batch) {
    TRY(check_request(*this, request));
    if (request.kind != IoRequest::Kind::kWrite) continue;
    for (std::uint64_t i = 0; i < request.bytes() / block_size(); ++i) TRY(keep(request.start + i));
  }
  if (end_ != before && ::fdatasync(file_.get()) != 0) {
    return Error{errno, "the undo file cannot be written"};
  }
  return backing_.submit(batch);
}

Result<> UndoRecorder::keep(BlockNo block) {
  if (kept_.contains(block)) return {};
  std::vector<std::byte> record(sizeof(RecordHead) + block_size());
  const auto bytes = std::span(record).subspan(sizeof(RecordHead));
  TRY(backing_.read(block, bytes, IoPurpose::kMetadata));
  const RecordHead head{block.value, checksum(bytes, block.value)};
  std::memcpy(record.data(), &head, sizeof head);
  TRY(append(record));
  kept_.insert(block);
  order_.push_back(block);
  return {};
}

Result<> UndoRecorder::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(end_));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Error{errno, "the undo file cannot be written"};
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    end_ += static_cast<std::uint64_t>(done);
  }
  return {};
}

Result<> UndoRecorder::finish() {
  const RecordHead head{kUndoEnd, order_.size()};
  std::vector<std::byte> ends(sizeof head + order_.size() * sizeof(le64));
  std::memcpy(ends.data(), &head, sizeof head);
  std::vector<std::byte> bytes(block_size());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    TRY(backing_.read(order_[i], bytes, IoPurpose::kMetadata));
    const le64 after{checksum(bytes, order_[i].value)};
    std::memcpy(ends.data() + sizeof head + i * sizeof after, &after, sizeof after);
  }
  TRY(append(ends));
  if (::fsync(file_.get()) != 0) return Error{errno, "the undo file cannot be written"};
  return {};
}

Result<std::uint32_t> undo_block_size(const std::string& path) {
  const FileDescriptor file = TRY(open_undo_file(path));
  const UndoHeader header = TRY(read_header(file.get()));
  return std::uint32_t{header.block_size};
}

Result<UndoReport> undo(const std::string& path, BlockDevice& device, LaterChanges later) {
  const FileDescriptor file = TRY(open_undo_file(path));
  const UndoHeader header = TRY(read_header(file.get()));
  if (header.block_count != device.block_count() || header.block_size != device.block_size()) {
    return Error{EINVAL, "the undo file was made for an image of another size"};
  }
  const Contents contents = TRY(read_contents(file.get(), header));
  UndoReport report;
  report.was_cut_off = !contents.is_complete;
  if (contents.is_complete) report.changed = TRY(count_changed(device, contents));
  if (report.changed != 0 && later == LaterChanges::kKeep) {
    return Error{EBUSY, "the volume has been changed since the repair"};
  }
  std::vector<std::byte> bytes(device.block_size());
  for (const Kept& kept : contents.blocks) {
    TRY(read_fully(file.get(), bytes, kept.offset));
    TRY(device.write(kept.block, bytes, IoPurpose::kMetadata));
    ++report.blocks;
  }
  TRY(device.flush());
  return report;
}

}  // namespace spindle::fsck
