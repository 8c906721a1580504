// BlktraceRecord: an event in the files of blktrace; `extra_bytes` that only this event has follow
// it.
#pragma once

#include <cstdint>

#include "spindle/base/endian.h"

namespace spindle {

struct BlktraceRecord {
  le32 magic;
  le32 sequence;
  le64 time_ns;
  le64 sector;
  le32 bytes;
  le32 action;
  le32 process;
  le32 device;
  le32 cpu;
  le16 error;
  le16 extra_bytes;
};
static_assert(sizeof(BlktraceRecord) == 48);

/// The unit in which blktrace and similar formats address disks.
inline constexpr std::uint64_t kSectorBytes = 512;

inline constexpr std::uint32_t kBlktraceMagic = 0x65617407;

/// The low half of an action: what happened.
enum class BlktraceAction : std::uint16_t {
  kQueued = 1,
  kAllocated = 4,
  kIssued = 7,
  kCompleted = 8,
  kInserted = 12,
};

/// Bits of the high half: what it happened to.
inline constexpr std::uint32_t kBlktraceRead = 1U << 16;
inline constexpr std::uint32_t kBlktraceWrite = 1U << 17;
inline constexpr std::uint32_t kBlktraceQueue = 1U << 20;
inline constexpr std::uint32_t kBlktraceIssue = 1U << 22;
inline constexpr std::uint32_t kBlktraceComplete = 1U << 23;
inline constexpr std::uint32_t kBlktraceNotify = 1U << 26;

}  // namespace spindle
