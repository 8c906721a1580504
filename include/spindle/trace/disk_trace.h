// DiskTrace: requests to disks, read from a file in one of the formats that tools write.
//
//   disksim   DiskSim ASCII: "TIME_MS DEVICE BLOCK BLOCKS FLAGS", blocks of 512 bytes; bit 0 of
//             the flags (hexadecimal) set: a read
//   blkparse  its text, the events of being queued (Q): "8,0 0 1 0.5 697 Q W 63 + 8"
//   blktrace  its binary records (version 7, little-endian), the events of being queued
//   fio       an iolog of version 2 or 3: "FILE read OFFSET LENGTH", in 3 after a time in ms
//   msr       CSV of MSR Cambridge: 100 ns, host, disk, Read or Write, offset, size, response
//   spc       SPC: "ASU,LBA,SIZE,OPCODE,SECONDS", blocks of 512 bytes, sizes in bytes
//
//   DiskTrace trace = TRY(DiskTrace::open("sda.blktrace", std::nullopt));
//   while (std::size_t count = TRY(trace.read(buffer))) use(buffer.first(count));
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "spindle/base/clock.h"
#include "spindle/trace/trace_file.h"

namespace spindle {

enum class DiskFormat : std::uint8_t { kDiskSim, kBlkparse, kBlktrace, kFio, kMsr, kSpc };

std::span<const std::string_view> disk_format_names();  ///< in the order of DiskFormat
/// EINVAL if no format has this name.
Result<DiskFormat> disk_format_of(std::string_view name);
/// The format, as the beginning of the file looks; EINVAL if it looks like none.
Result<DiskFormat> detect_disk_format(std::string_view bytes);

struct TracedRequest {
  VirtualTime arrival;       ///< since the trace's own zero; 0 where the format has none
  std::uint64_t start = 0;   ///< its first byte
  std::uint64_t length = 0;  ///< bytes, not 0, at most 2^30
  std::uint64_t device = 0;  ///< the number that the format has for it
  bool is_write = false;
};

class DiskTrace {
 public:
  /// If no format is given, it is found out.
  static Result<DiskTrace> open(const std::string& path, std::optional<DiskFormat> format);

  /// Fills the buffer as far as the trace goes; 0 at its end. EINVAL, with the byte offset, for a
  /// request that is not of the format, lies beyond 2^62 bytes or is longer than 1 GiB.
  Result<std::size_t> read(std::span<TracedRequest> requests);
  /// Reads from the start again.
  void rewind() { at_ = 0; }

  [[nodiscard]] DiskFormat format() const { return format_; }
  [[nodiscard]] std::uint64_t bytes_done() const { return at_; }
  [[nodiscard]] std::uint64_t bytes() const { return file_.bytes().size(); }

 private:
  DiskTrace(TraceFile file, DiskFormat format) : file_(std::move(file)), format_(format) {}

  Result<std::size_t> read_lines(std::span<TracedRequest> requests);
  Result<std::size_t> read_records(std::span<TracedRequest> requests);

  TraceFile file_;
  DiskFormat format_;
  std::size_t at_ = 0;
};

}  // namespace spindle
