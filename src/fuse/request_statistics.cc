#include "spindle/fuse/request_statistics.h"

#include <linux/fuse.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "protocol.h"

namespace spindle {

void LatencyHistogram::add(std::int64_t latency_ns) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(latency_ns, 0));
  std::size_t bucket = ns;
  if (ns >= 1u << kStepBits) {
    const unsigned exponent = static_cast<unsigned>(std::bit_width(ns)) - 1 - kStepBits;
    bucket = ((exponent + 1) << kStepBits) + ((ns >> exponent) & ((1u << kStepBits) - 1));
  }
  ++buckets_[std::min(bucket, kBuckets - 1)];
  ++count_;
  sum_ns_ += latency_ns;
  longest_ns_ = std::max(longest_ns_, latency_ns);
}

std::int64_t LatencyHistogram::quantile_ns(double quantile) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen == 0 || seen < wanted) continue;
    if (bucket < 1u << kStepBits) return static_cast<std::int64_t>(bucket);
    // The upper end of the bucket, but never beyond what was really seen.
    const auto exponent = (bucket >> kStepBits) - 1;
    const auto step = (bucket & ((1u << kStepBits) - 1)) + (1u << kStepBits) + 1;
    return std::min(static_cast<std::int64_t>((step << exponent) - 1), longest_ns_);
  }
  return 0;
}

std::string_view request_name(std::uint32_t opcode) {
  switch (opcode) {
    case FUSE_LOOKUP:
      return "lookup";
    case FUSE_FORGET:
      return "forget";
    case FUSE_GETATTR:
      return "getattr";
    case FUSE_SETATTR:
      return "setattr";
    case FUSE_READLINK:
      return "readlink";
    case FUSE_SYMLINK:
      return "symlink";
    case FUSE_MKNOD:
      return "mknod";
    case FUSE_MKDIR:
      return "mkdir";
    case FUSE_UNLINK:
      return "unlink";
    case FUSE_RMDIR:
      return "rmdir";
    case FUSE_RENAME:
      return "rename";
    case FUSE_LINK:
      return "link";
    case FUSE_OPEN:
      return "open";
    case FUSE_READ:
      return "read";
    case FUSE_WRITE:
      return "write";
    case FUSE_STATFS:
      return "statfs";
    case FUSE_RELEASE:
      return "release";
    case FUSE_FSYNC:
      return "fsync";
    case FUSE_SETXATTR:
      return "setxattr";
    case FUSE_GETXATTR:
      return "getxattr";
    case FUSE_LISTXATTR:
      return "listxattr";
    case FUSE_REMOVEXATTR:
      return "removexattr";
    case FUSE_FLUSH:
      return "flush";
    case FUSE_INIT:
      return "init";
    case FUSE_OPENDIR:
      return "opendir";
    case FUSE_READDIR:
      return "readdir";
    case FUSE_RELEASEDIR:
      return "releasedir";
    case FUSE_FSYNCDIR:
      return "fsyncdir";
    case FUSE_ACCESS:
      return "access";
    case FUSE_CREATE:
      return "create";
    case FUSE_INTERRUPT:
      return "interrupt";
    case FUSE_DESTROY:
      return "destroy";
    case FUSE_BATCH_FORGET:
      return "batch_forget";
    case FUSE_FALLOCATE:
      return "fallocate";
    case FUSE_READDIRPLUS:
      return "readdirplus";
    case FUSE_RENAME2:
      return "rename2";
    case FUSE_LSEEK:
      return "lseek";
    case FUSE_COPY_FILE_RANGE:
      return "copy_file_range";
    case FUSE_SYNCFS:
      return "syncfs";
    case protocol::kTemporaryFile:
      return "tmpfile";
    case protocol::kStatx:
      return "statx";
    default:
      return "other";
  }
}

void RequestStatistics::add(std::uint32_t opcode, std::int64_t latency_ns, bool failed) {
  Row& row = rows_[std::min<std::size_t>(opcode, kOperations - 1)];
  row.name = request_name(opcode);
  row.errors += failed ? 1 : 0;
  row.latency.add(latency_ns);
}

std::vector<const RequestStatistics::Row*> RequestStatistics::rows() const {
  std::vector<const Row*> used;
  for (const Row& row : rows_) {
    if (row.latency.count() != 0) used.push_back(&row);
  }
  return used;
}

void RequestStatistics::reset() {
  rows_ = {};
}

}  // namespace spindle
