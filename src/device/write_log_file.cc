#include "spindle/device/write_log_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "spindle/base/checksum.h"
#include "spindle/base/clock.h"
#include "spindle/base/endian.h"
#include "spindle/base/file_descriptor.h"
#include "spindle/base/limits.h"

namespace spindle {

enum class WriteLogRecordType : std::uint16_t {
  kBefore = 1,  ///< what blocks held before they were first overwritten
  kWrite,
  kFlush,
  kDiscard,
  kComplete,  ///< event `block` is done, at `moment`
  kNote,
  kEnd,
};

namespace {

constexpr char kMagic[8] = {'S', 'P', 'I', 'N', 'W', 'L', 'O', 'G'};
constexpr std::uint32_t kWriteLogVersion = 1;
constexpr std::uint32_t kLongestText = 65536;
/// What is about to be overwritten is read in pieces.
constexpr std::uint64_t kBeforeBytes = 1u << 20;

struct FileHeader {
  char magic[8];
  le32 version;
  le32 block_size;
  le64 block_count;
  le32 image_length;  ///< the path of the image follows
  std::byte reserved[28];
  le64 checksum;  ///< of what stands before it
};
static_assert(sizeof(FileHeader) == 64);

template <class T>
std::uint64_t checksum_of(const T& record, std::uint64_t seed) {
  return checksum(std::as_bytes(std::span(&record, 1)).subspan(sizeof(le64)), seed);
}

std::uint64_t checksum_of(const FileHeader& header) {
  return checksum(std::as_bytes(std::span(&header, 1)).first(sizeof header - sizeof(le64)), 0);
}

}  // namespace

/// What stands before the bytes of each record. The seed of its checksum is its place.
struct WriteLogRecord {
  le64 checksum;
  le16 type;
  le16 purpose;
  le32 length;  ///< bytes that follow
  le64 block;
  le64 count;
  le64 time_ns;
  le64 moment;
};
static_assert(sizeof(WriteLogRecord) == 48);

struct WriteLogWriter::Head {
  WriteLogRecordType type{};
  IoPurpose purpose = IoPurpose::kData;
  std::uint64_t block = 0;
  std::uint64_t count = 0;
  std::uint64_t moment = 0;
};

WriteLogWriter::WriteLogWriter(FileDescriptor file, const BlockDevice& device)
    : file_(std::move(file)),
      block_size_(device.block_size()),
      began_ns_(monotonic_ns()),
      kept_(device.block_count()) {}

Result<std::unique_ptr<WriteLogWriter>> WriteLogWriter::create(const std::string& path,
                                                               const BlockDevice& device,
                                                               const std::string& image) {
  FileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof header.magic);
  header.version = kWriteLogVersion;
  header.block_size = device.block_size();
  header.block_count = device.block_count();
  header.image_length = static_cast<std::uint32_t>(image.size());
  header.checksum = checksum_of(header);
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) return Error{errno, "the recording cannot be made"};
  std::unique_ptr<WriteLogWriter> writer(new WriteLogWriter(std::move(file), device));
  const iovec parts[] = {{&header, sizeof header}, {const_cast<char*>(image.data()), image.size()}};
  writer->end_ = sizeof header + image.size();
  const ssize_t written = ::pwritev(writer->file_.get(), parts, 2, 0);
  if (written < 0) return Error{errno, "the recording cannot be written"};
  if (static_cast<std::uint64_t>(written) < writer->end_)
    return Error{EIO, "the recording cannot be written"};
  return writer;
}

void WriteLogWriter::append(Head head, std::span<const std::span<std::byte>> content) {
  if (failure_) return;
  std::uint64_t length = 0;
  for (const auto& part : content) length += part.size();
  WriteLogRecord record{};
  record.type = static_cast<std::uint16_t>(head.type);
  record.purpose = static_cast<std::uint16_t>(head.purpose);
  record.length = static_cast<std::uint32_t>(length);
  record.block = head.block;
  record.count = head.count;
  record.time_ns = static_cast<std::uint64_t>(monotonic_ns() - began_ns_);
  record.moment = head.moment;
  record.checksum = checksum_of(record, end_);
  std::vector<iovec> parts = {{&record, sizeof record}};
  for (const auto& part : content) parts.push_back({part.data(), part.size()});
  for (std::size_t next = 0; next < parts.size();) {
    const std::size_t count = std::min<std::size_t>(parts.size() - next, IOV_MAX);
    const ssize_t done =
        ::pwritev(file_.get(), &parts[next], static_cast<int>(count), static_cast<off_t>(end_));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      failure_ = Error{errno, "the recording cannot be continued"};
      return;
    }
    end_ += static_cast<std::uint64_t>(done);
    auto left = static_cast<std::size_t>(done);
    for (; next < parts.size() && left >= parts[next].iov_len; ++next) left -= parts[next].iov_len;
    if (left != 0) {
      parts[next].iov_base = static_cast<char*>(parts[next].iov_base) + left;
      parts[next].iov_len -= left;
    }
  }
}

void WriteLogWriter::before(BlockDevice& device, Run run) {
  const std::uint64_t most = std::max<std::uint64_t>(1, kBeforeBytes / block_size_);
  std::vector<std::byte> bytes;
  for (BlockNo at = run.start; at < run.end() && !failure_;) {
    if (kept_[at.value]) {
      ++at;
      continue;
    }
    std::uint64_t count = 1;
    while (count < most && at + count < run.end() && !kept_[at.value + count]) ++count;
    bytes.resize(count * block_size_);
    if (const auto read = device.read(at, bytes); !read.ok()) {
      failure_ = read.error();
      return;
    }
    const std::span<std::byte> content(bytes);
    append({.type = WriteLogRecordType::kBefore, .block = at.value, .count = count}, {&content, 1});
    for (std::uint64_t i = 0; i < count; ++i) kept_[at.value + i] = true;
    at = at + count;
  }
}

void WriteLogWriter::enter(const WriteEvent& event, std::span<const std::span<std::byte>> content) {
  const WriteLogRecordType type =
      event.kind == WriteEvent::Kind::kWrite   ? WriteLogRecordType::kWrite
      : event.kind == WriteEvent::Kind::kFlush ? WriteLogRecordType::kFlush
                                               : WriteLogRecordType::kDiscard;
  append({type, event.purpose, event.run.start.value, event.run.length, event.moment}, content);
}

void WriteLogWriter::complete(std::size_t index, std::uint64_t moment) {
  append({.type = WriteLogRecordType::kComplete, .block = index, .moment = moment}, {});
}

void WriteLogWriter::note(std::string_view text) {
  std::string kept(text.substr(0, kLongestText));
  const std::span<std::byte> content = std::as_writable_bytes(std::span(kept));
  append({.type = WriteLogRecordType::kNote}, {&content, 1});
}

void WriteLogWriter::finish() {
  append({.type = WriteLogRecordType::kEnd}, {});
}

Result<std::unique_ptr<WriteLogFile>> WriteLogFile::open(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) return Error{errno, "the recording cannot be opened"};
  std::unique_ptr<WriteLogFile> log(new WriteLogFile(std::move(file)));
  TRY(log->scan());
  return log;
}

Result<> WriteLogFile::read(std::uint64_t offset, std::span<std::byte> into) const {
  const auto got = read_at(file_.get(), into, offset);
  if (!got.ok()) return Error{got.code(), "the recording cannot be read"};
  if (*got < into.size()) return Error{ENODATA, "the recording ends"};
  return {};
}

Result<std::string> WriteLogFile::text(const Note& note) const {
  std::string text(note.length, '\0');
  TRY(read(note.offset, std::as_writable_bytes(std::span(text))));
  return text;
}

// A record that does not lie wholly in the file was being written when the daemon died.
Result<> WriteLogFile::scan() {
  FileHeader header;
  const auto got = read(0, std::as_writable_bytes(std::span(&header, 1)));
  if (!got.ok() && got.code() != ENODATA) return got.error();
  const bool is_log = got.ok() && std::memcmp(header.magic, kMagic, sizeof kMagic) == 0 &&
                      header.checksum == checksum_of(header) &&
                      std::has_single_bit(std::uint32_t{header.block_size}) &&
                      header.block_size >= kMinBlockSize && header.block_size <= kMaxBlockSize &&
                      header.image_length <= PATH_MAX;
  if (!is_log) return corrupt("it is not a recording of writes");
  if (header.version != kWriteLogVersion)
    return Error{EOPNOTSUPP, "the recording is of a version that is not known"};
  block_size_ = header.block_size;
  block_count_ = header.block_count;
  image_.resize(header.image_length);
  TRY(read(sizeof header, std::as_writable_bytes(std::span(image_))));
  const off_t size = ::lseek(file_.get(), 0, SEEK_END);
  const std::uint64_t end = size < 0 ? 0 : static_cast<std::uint64_t>(size);
  std::uint64_t at = sizeof header + image_.size();
  while (!is_complete_ && at + sizeof(WriteLogRecord) <= end) {
    WriteLogRecord record;
    TRY(read(at, std::as_writable_bytes(std::span(&record, 1))));
    if (record.checksum != checksum_of(record, at))
      return corrupt("the recording is damaged", Subject::byte(at));
    at += sizeof record;
    if (record.length > end - at) break;
    if (!take(record, at).ok()) return corrupt("the recording is damaged", Subject::byte(at));
    at += record.length;
  }
  return {};
}

Result<> WriteLogFile::take(const WriteLogRecord& record, std::uint64_t at) {
  const auto type = static_cast<WriteLogRecordType>(std::uint16_t{record.type});
  const auto time_ns = static_cast<std::int64_t>(std::uint64_t{record.time_ns});
  const Run run{BlockNo{record.block}, record.count};
  const bool fits = run.length <= block_count_ && record.block <= block_count_ - run.length;
  const bool is_whole = fits && record.length == run.length * block_size_;
  const auto add = [&](WriteEvent::Kind kind, std::uint64_t moment) {
    const auto purpose =
        static_cast<IoPurpose>(std::min<std::size_t>(record.purpose, kIoPurposes - 1));
    events_.push_back({kind, purpose, run, moment});
    places_.push_back({at, time_ns});
    return Result<>();
  };
  switch (type) {
    case WriteLogRecordType::kBefore:
      if (!is_whole) break;
      for (std::uint64_t i = 0; i < run.length; ++i)
        before_.emplace(run.start + i, at + i * block_size_);
      return {};
    case WriteLogRecordType::kWrite:
      if (is_whole) return add(WriteEvent::Kind::kWrite, WriteEvent::kNever);
      break;
    case WriteLogRecordType::kDiscard:
      if (fits) return add(WriteEvent::Kind::kDiscard, WriteEvent::kNever);
      break;
    case WriteLogRecordType::kFlush:
      return add(WriteEvent::Kind::kFlush, record.moment);
    case WriteLogRecordType::kComplete:
      if (record.block >= events_.size()) break;
      events_[record.block].moment = record.moment;
      return {};
    case WriteLogRecordType::kNote:
      if (record.length > kLongestText) break;
      notes_.push_back({events_.size(), time_ns, at, record.length});
      return {};
    case WriteLogRecordType::kEnd:
      is_complete_ = true;
      return {};
  }
  return corrupt("a record is impossible");
}

}  // namespace spindle
