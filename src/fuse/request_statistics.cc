#include "spindle/fuse/request_statistics.h"

#include <linux/fuse.h>

#include <algorithm>

#include "protocol.h"

namespace spindle {

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
    {protocol::kCopyFileRange64, "copy_file_range_64"},
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

std::vector<std::string> request_names() {
  std::vector<std::string> names;
  for (const RequestName& row : kRequestNames) names.emplace_back(row.name);
  return names;
}

void RequestStatistics::add(std::uint32_t opcode, std::int64_t latency_ns, bool failed) {
  std::unique_ptr<Row>& row = rows_[std::min<std::size_t>(opcode, kOperations - 1)];
  if (row == nullptr) {
    row = std::make_unique<Row>();
    row->name = request_name(opcode);
  }
  row->errors += failed ? 1 : 0;
  row->latency.add(latency_ns);
}

std::vector<const RequestStatistics::Row*> RequestStatistics::rows() const {
  std::vector<const Row*> used;
  for (const std::unique_ptr<Row>& row : rows_) {
    if (row != nullptr) used.push_back(row.get());
  }
  return used;
}

void RequestStatistics::reset() {
  rows_ = {};
}

}  // namespace spindle
