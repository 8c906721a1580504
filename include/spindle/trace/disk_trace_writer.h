// disk_trace_text: requests that a disk has served, in a format that tools read.
//
//   write_file("run.blktrace.0", TRY(disk_trace_text(DiskFormat::kBlktrace, requests)));
//
//   blktrace  binary records, version 7: queued, allocated, inserted, issued and completed; for
//             blkparse, btt and iowatcher, which want the name NAME.blktrace.0
//   fio       an iolog of version 3 of one file, with times in ms
//   disksim   DiskSim ASCII: ms, device 0, blocks of 512 bytes, flags (1: a read)
//
// DiskTrace reads them back: the same starts, lengths and directions, in order of arrival.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "spindle/base/clock.h"
#include "spindle/base/result.h"
#include "spindle/trace/disk_trace.h"

namespace spindle {

struct ServedRequest {
  VirtualTime arrival;
  VirtualTime begin;  ///< when the disk turned to it
  VirtualTime finish;
  std::uint64_t start = 0;   ///< its first byte, a multiple of 512
  std::uint64_t length = 0;  ///< bytes, a multiple of 512, not 0, below 2^32
  std::uint32_t process = 0;
  bool is_write = false;
};

/// EINVAL for a format that is only read.
Result<std::string> disk_trace_text(DiskFormat format, std::span<const ServedRequest> requests);

}  // namespace spindle
