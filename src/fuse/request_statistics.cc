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

namespace {

struct RequestName {
  std::uint32_t opcode;
  std::string_view name;
};

constexpr RequestName kRequestNames[] = {
    {FUSE_LOOKUP, "lookup"},
    {FUSE_FORGET, "forget"},
    {FUSE_GETATTR, "getattr"},
    {FUSE_SETATTR, "setattr"},
    {FUSE_READLINK, "readlink"},
    {FUSE_SYMLINK, "symlink"},
    {FUSE_MKNOD, "mknod"},
    {FUSE_MKDIR, "mkdir"},
    {FUSE_UNLINK, "unlink"},
    {FUSE_RMDIR, "rmdir"},
    {FUSE_RENAME, "rename"},
    {FUSE_LINK, "link"},
    {FUSE_OPEN, "open"},
    {FUSE_READ, "read"},
    {FUSE_WRITE, "write"},
    {FUSE_STATFS, "statfs"},
    {FUSE_RELEASE, "release"},
    {FUSE_FSYNC, "fsync"},
    {FUSE_SETXATTR, "setxattr"},
    {FUSE_GETXATTR, "getxattr"},
    {FUSE_LISTXATTR, "listxattr"},
    {FUSE_REMOVEXATTR, "removexattr"},
    {FUSE_FLUSH, "flush"},
    {FUSE_INIT, "init"},
    {FUSE_OPENDIR, "opendir"},
    {FUSE_READDIR, "readdir"},
    {FUSE_RELEASEDIR, "releasedir"},
    {FUSE_FSYNCDIR, "fsyncdir"},
    {FUSE_ACCESS, "access"},
    {FUSE_CREATE, "create"},
    {FUSE_INTERRUPT, "interrupt"},
    {FUSE_DESTROY, "destroy"},
    {FUSE_BATCH_FORGET, "batch_forget"},
    {FUSE_FALLOCATE, "fallocate"},
    {FUSE_READDIRPLUS, "readdirplus"},
    {FUSE_RENAME2, "rename2"},
    {FUSE_LSEEK, "lseek"},
    {FUSE_COPY_FILE_RANGE, "copy_file_range"},
    {FUSE_SYNCFS, "syncfs"},
    {protocol::kTemporaryFile, "tmpfile"},
    {protocol::kStatx, "statx"},
};

}  // namespace

std::string_view request_name(std::uint32_t opcode) {
  for (const RequestName& row : kRequestNames) {
    if (row.opcode == opcode) return row.name;
  }
  return "other";
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
