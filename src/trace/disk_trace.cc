#include "spindle/trace/disk_trace.h"

#include <algorithm>
#include <cstring>

#include "blktrace_record.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

constexpr std::string_view kDiskFormatNames[] = {"disksim", "blkparse", "blktrace",
                                                 "fio",     "msr",      "spc"};
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 62;
/// No device takes longer requests; in a trace they would only keep the replay busy.
constexpr std::uint64_t kLongestRequest = std::uint64_t{1} << 30;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr int kDiskLinesLookedAt = 200;

/// What a line is: a request, something else that belongs there, or nothing of this format.
enum class Line : std::uint8_t { kRequest, kOther, kWrong };

Line checked(bool read, std::uint64_t arrival_ns, const TracedRequest& request,
             TracedRequest& out) {
  if (!read || request.length == 0 || kLongestRequest < request.length ||
      kMostBytes < request.start || kMostBytes < arrival_ns)
    return Line::kWrong;
  out = request;
  out.arrival = {static_cast<std::int64_t>(arrival_ns)};
  return Line::kRequest;
}

/// Makes sectors into bytes; false if there are too many of them.
bool to_bytes(std::uint64_t& sectors) {
  if (sectors > kMostBytes / kSectorBytes) return false;
  sectors *= kSectorBytes;
  return true;
}

Line read_disksim(std::string_view line, TracedRequest& out) {
  constexpr std::string_view kBlank = " \t";
  std::uint64_t time = 0;
  std::uint64_t flags = 0;
  TracedRequest request;
  const bool read = read_fraction(next_field(line, kBlank), kMillisecond, time) &&
                    read_decimal(next_field(line, kBlank), request.device) &&
                    read_decimal(next_field(line, kBlank), request.start) &&
                    read_decimal(next_field(line, kBlank), request.length) &&
                    read_hexadecimal(next_field(line, kBlank), flags) &&
                    next_field(line, kBlank).empty() && to_bytes(request.start) &&
                    to_bytes(request.length);
  request.is_write = (flags & 1) == 0;
  return checked(read, time, request, out);
}

/// Reads "  8,0    3        1     0.000000000   697  Q   W 223490 + 8 [kjournald]". The summary
/// that blkparse writes below its events is skipped.
Line read_blkparse(std::string_view line, TracedRequest& out) {
  const std::string_view device = next_field(line, " \t");
  const std::size_t comma = device.find(',');
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  if (comma == std::string_view::npos || !read_decimal(device.substr(0, comma), major) ||
      !read_decimal(device.substr(comma + 1), minor))
    return Line::kOther;
  next_field(line, " \t");  // the CPU
  next_field(line, " \t");  // the number of the event
  std::uint64_t time = 0;
  if (!read_fraction(next_field(line, " \t"), kSecond, time)) return Line::kWrong;
  next_field(line, " \t");  // the process
  if (next_field(line, " \t") != "Q") return Line::kOther;
  const std::string_view kind = next_field(line, " \t");
  TracedRequest request;
  request.device = major << 20 | minor;
  request.is_write = kind.find('W') != std::string_view::npos;
  const std::string_view start = next_field(line, " \t");
  if (next_field(line, " \t") != "+") return Line::kOther;
  const bool read = read_decimal(start, request.start) &&
                    read_decimal(next_field(line, " \t"), request.length) &&
                    to_bytes(request.start) && to_bytes(request.length);
  return checked(read, time, request, out);
}

/// Each file counts as a device, named by a hash of its name: the offsets in two files have nothing
/// to do with each other.
std::uint64_t device_of(std::string_view name) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

Line read_fio(std::string_view line, TracedRequest& out) {
  if (line.starts_with("fio version")) return Line::kOther;
  std::string_view name = next_field(line, " \t");
  std::uint64_t time = 0;
  std::string_view action = next_field(line, " \t");
  std::uint64_t number = 0;
  constexpr std::string_view kFileActions[] = {"add", "open", "close", "wait", "sync", "datasync"};
  const auto is_other = [&] {
    return std::ranges::find(kFileActions, action) != std::end(kFileActions);
  };
  // In version 3 a time comes first: then the first field is a number, and the second is not an
  // action but the name of the file.
  if (!is_other() && action != "read" && action != "write" && action != "trim" &&
      read_decimal(name, number)) {
    time = number;
    name = action;
    action = next_field(line, " \t");
  }
  if (is_other() || action == "trim") return Line::kOther;
  if (action != "read" && action != "write") return Line::kWrong;
  TracedRequest request;
  request.is_write = action == "write";
  request.device = device_of(name);
  const bool read = time < kMostBytes / kMillisecond &&
                    read_decimal(next_field(line, " \t"), request.start) &&
                    read_decimal(next_field(line, " \t"), request.length);
  return checked(read, time * kMillisecond, request, out);
}

Line read_msr(std::string_view line, TracedRequest& out) {
  std::uint64_t time = 0;
  const bool timed = read_decimal(next_field(line, ","), time);
  if (next_field(line, ",").empty()) return Line::kWrong;
  TracedRequest request;
  const bool has_disk = read_decimal(next_field(line, ","), request.device);
  const std::string_view kind = next_field(line, ",");
  if (kind != "Read" && kind != "Write") return Line::kWrong;
  request.is_write = kind == "Write";
  const bool read = timed && has_disk && read_decimal(next_field(line, ","), request.start) &&
                    read_decimal(next_field(line, ","), request.length);
  // Times count from the year 1601; what matters are the differences.
  constexpr std::uint64_t kYear2000 = 125'911'584'000'000'000;
  return checked(read, (time < kYear2000 ? time : time - kYear2000) * 100, request, out);
}

Line read_spc(std::string_view line, TracedRequest& out) {
  TracedRequest request;
  std::uint64_t time = 0;
  const bool placed = read_decimal(next_field(line, ", "), request.device) &&
                      read_decimal(next_field(line, ", "), request.start) &&
                      read_decimal(next_field(line, ", "), request.length);
  const std::string_view kind = next_field(line, ", ");
  if (kind.size() != 1 || std::string_view("rRwW").find(kind) == std::string_view::npos)
    return Line::kWrong;
  request.is_write = kind == "w" || kind == "W";
  const bool read =
      placed && read_fraction(next_field(line, ", "), kSecond, time) && to_bytes(request.start);
  return checked(read, time, request, out);
}

using ReadLine = Line (*)(std::string_view, TracedRequest&);

ReadLine reader_of(DiskFormat format) {
  switch (format) {
    case DiskFormat::kDiskSim:
      return read_disksim;
    case DiskFormat::kBlkparse:
      return read_blkparse;
    case DiskFormat::kFio:
      return read_fio;
    case DiskFormat::kMsr:
      return read_msr;
    case DiskFormat::kSpc:
      return read_spc;
    case DiskFormat::kBlktrace:
      break;
  }
  return nullptr;
}

constexpr std::uint32_t kQueued = static_cast<std::uint32_t>(BlktraceAction::kQueued);

bool is_blktrace(std::string_view bytes) {
  BlktraceRecord record;
  if (bytes.size() < sizeof record) return false;
  std::memcpy(&record, bytes.data(), sizeof record);
  return record.magic == kBlktraceMagic;
}

bool is_blank(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos || line[first] == '#';
}

}  // namespace

std::span<const std::string_view> disk_format_names() {
  return kDiskFormatNames;
}

Result<DiskFormat> disk_format_of(std::string_view name) {
  const auto* found = std::ranges::find(kDiskFormatNames, name);
  if (found == std::end(kDiskFormatNames))
    return Error{EINVAL, "no format of disk traces has this name"};
  return static_cast<DiskFormat>(found - std::begin(kDiskFormatNames));
}

Result<DiskFormat> detect_disk_format(std::string_view bytes) {
  if (is_blktrace(bytes)) return DiskFormat::kBlktrace;
  if (bytes.starts_with("fio version")) return DiskFormat::kFio;
  TextCursor cursor(bytes, 0);
  for (int seen = 0; !cursor.at_end() && seen < kDiskLinesLookedAt; ++seen) {
    const std::string_view line = cursor.line();
    TracedRequest request;
    for (DiskFormat format :
         {DiskFormat::kDiskSim, DiskFormat::kBlkparse, DiskFormat::kMsr, DiskFormat::kSpc})
      if (!is_blank(line) && reader_of(format)(line, request) == Line::kRequest) return format;
  }
  return Error{EINVAL,
               "the trace looks like none of disksim, blkparse, blktrace, fio, msr and spc"};
}

Result<DiskTrace> DiskTrace::open(const std::string& path, std::optional<DiskFormat> format) {
  TraceFile file = TRY(TraceFile::open(path));
  if (!format) format = TRY(detect_disk_format(file.bytes()));
  return DiskTrace(std::move(file), *format);
}

Result<std::size_t> DiskTrace::read(std::span<TracedRequest> requests) {
  CHECK(!requests.empty());
  return format_ == DiskFormat::kBlktrace ? read_records(requests) : read_lines(requests);
}

Result<std::size_t> DiskTrace::read_lines(std::span<TracedRequest> requests) {
  const ReadLine read_line = reader_of(format_);
  TextCursor cursor(file_.bytes(), at_);
  std::size_t count = 0;
  while (count < requests.size() && !cursor.at_end()) {
    const std::size_t start = cursor.at();
    const std::string_view line = cursor.line();
    if (is_blank(line)) continue;
    const Line what = read_line(line, requests[count]);
    if (what == Line::kRequest) ++count;
    if (what == Line::kWrong)
      return Error{EINVAL, "the line is not a request of this format", Subject::byte(start)};
  }
  at_ = cursor.at();
  return count;
}

Result<std::size_t> DiskTrace::read_records(std::span<TracedRequest> requests) {
  const std::string_view bytes = file_.bytes();
  std::size_t count = 0;
  while (count < requests.size() && at_ < bytes.size()) {
    const std::string_view rest = bytes.substr(at_);
    BlktraceRecord record;
    if (!is_blktrace(rest)) return Error{EINVAL, "no record begins here", Subject::byte(at_)};
    std::memcpy(&record, rest.data(), sizeof record);
    const std::size_t length = sizeof record + record.extra_bytes;
    if (rest.size() < length) return Error{EINVAL, "the record is cut off", Subject::byte(at_)};
    const std::uint32_t action = record.action;
    if ((action & 0xFFFF) == kQueued && (action & kBlktraceNotify) == 0 && record.bytes != 0) {
      std::uint64_t start = record.sector;
      TracedRequest request{{}, 0, record.bytes, record.device, (action & kBlktraceWrite) != 0};
      const bool read = to_bytes(start);
      request.start = start;
      if (checked(read, record.time_ns, request, requests[count]) != Line::kRequest)
        return Error{EINVAL, "the record is not a request", Subject::byte(at_)};
      ++count;
    }
    at_ += length;
  }
  return count;
}

}  // namespace spindle
